import Glibc
import SluiceFormats
import SluiceTestSupport
import Testing

@Suite("Files that change while they are read") struct ChangingFileTests {
  private let content = noise(20_000)

  @Test("an unchanged file is found unchanged, however often it was read")
  func unchanged() throws {
    let scratch = try ScratchDirectory()
    let file = try InputFile.open(try scratch.write(content, to: "a"))
    _ = try file.bytes(in: 0..<20_000)
    #expect(chmod(file.path, 0o444) == 0)
    #expect(rename(file.path, scratch("b")) == 0)
    try file.checkUnchanged()
  }

  @Test("a file that grew, shrank or was written to is an error that says so")
  func changed() throws {
    for (change, message) in [
      ("grow", "it had 20000 bytes and now has 20001"),
      ("shrink", "it had 20000 bytes and now has 19999"), ("write", "something wrote to it"),
    ] {
      let scratch = try ScratchDirectory()
      let file = try InputFile.open(try scratch.write(content, to: "a"))
      switch change {
      case "grow": #expect(truncate(file.path, 20_001) == 0)
      case "shrink": #expect(truncate(file.path, 19_999) == 0)
      default:
        let descriptor = open(file.path, O_WRONLY)
        // The clock of the file system may not have moved on since the file was made.
        var times = [timespec(tv_sec: 0, tv_nsec: 0), timespec(tv_sec: 1_000_000, tv_nsec: 0)]
        #expect(pwrite(descriptor, "x", 1, 7) == 1)
        #expect(futimens(descriptor, &times) == 0)
        close(descriptor)
      }
      let error = #expect(throws: FormatError.self) { try file.checkUnchanged() }
      let failure = try #require(error?.failure)
      #expect(failure.message == "the file changed while it was being read: " + message)
      #expect(failure.exitCode == .inputOutput)
      #expect(failure.subject.file == file.path)
      #expect(failure.remedy == "run again when nothing writes to the inputs")
    }
  }

  @Test("what a file no longer has reads as zeros in a mapping and is remembered")
  func cutWhileMapped() throws {
    let scratch = try ScratchDirectory()
    let file = try InputFile.open(try scratch.write(content, to: "a"))
    let window = try file.map(0..<20_000)
    #expect(truncate(file.path, 4_096) == 0)
    #expect(window.bytes[0..<4096].elementsEqual(content[0..<4096]))
    #expect(window.bytes[4096...].allSatisfy { $0 == 0 })
    window.release()
    // Even if the length is as it was by the time anyone looks.
    #expect(truncate(file.path, 20_000) == 0)
    var times = [
      timespec(tv_sec: 0, tv_nsec: 0),
      timespec(
        tv_sec: Int(file.status.modificationNanoseconds / 1_000_000_000),
        tv_nsec: Int(file.status.modificationNanoseconds % 1_000_000_000)),
    ]
    #expect(utimensat(AT_FDCWD, file.path, &times, 0) == 0)
    let error = #expect(throws: FormatError.self) { try file.checkUnchanged() }
    #expect(error?.failure.message.hasSuffix("a part of it could not be read") == true)
  }

  // In a process of its own: meanwhile no other test's mappings would be guarded.
  @Test("more mappings than can be guarded are still mappings") func manyWindows() async throws {
    await #expect(processExitsWith: .success) {
      let content = noise(20_000)
      let scratch = try ScratchDirectory()
      let file = try InputFile.open(try scratch.write(content, to: "a"))
      let windows = try (0..<5000).map { try file.map($0..<$0 + 9) }
      precondition(windows.enumerated().allSatisfy { $1.bytes.elementsEqual(content[$0..<$0 + 9]) })
      windows.forEach { $0.release() }
      try file.checkUnchanged()
    }
  }

  @Test("a fault elsewhere still ends the process") func otherFault() async throws {
    await #expect(processExitsWith: .signal(SIGBUS)) {
      let file = try InputFile.open("/proc/self/exe")
      let window = try file.map(0..<3)
      _ = window.bytes.count
      raise(SIGBUS)
      // The first handler passes it on by letting it happen again.
      raise(SIGBUS)
    }
  }
}
