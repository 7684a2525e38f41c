import Glibc
import Measuring
import Platform
import Testing

@Suite struct MeasuringTests {
  @Test(
    "The median is the middle value, or the mean of the two in the middle",
    arguments: [([3, 1, 2], 2), ([4, 1, 3, 2], 2.5), ([5], 5)] as [([Double], Double)])
  func middle(_ values: [Double], _ expected: Double) {
    #expect(median(values) == expected)
  }

  @Test("There is no median of nothing")
  func noMedian() {
    #expect(median([]) == nil)
  }

  @Test(
    "Numbers are written with a fixed number of digits",
    arguments: [
      (1.005, 2, "1.00"), (0.0449, 2, "0.04"), (-2.5, 1, "-2.5"), (7, 0, "7"), (-0.001, 2, "0.00"),
    ] as [(Double, Int, String)])
  func fixed(_ value: Double, _ digits: Int, _ expected: String) {
    #expect(value.fixed(digits) == expected)
  }

  @Test("A written JSON value is read back as it was")
  func jsonRoundTrip() throws {
    let value = JSON.object([
      JSON.Member("a \"quoted\" \\ key\n\u{1}", .array([.integer(-3), .number(0.5), .null])),
      JSON.Member("empty", .object([])), JSON.Member("deep", .array([.array([]), .bool(true)])),
    ])
    #expect(try JSON(parsing: Array(value.text.utf8)) == value)
    #expect(try JSON(parsing: Array(value.compactText.utf8)) == value)
  }

  @Test("Escapes and pairs of surrogates are understood")
  func jsonEscapes() throws {
    let text = #""\u00e9\ud83d\ude00\/""#
    #expect(try JSON(parsing: Array(text.utf8)) == .string("\u{e9}\u{1f600}/"))
  }

  @Test(
    "Text that is no JSON is refused",
    arguments: ["", "{", "[1,]", "{\"a\" 1}", "01x", "\"open", "1 2", "\"\\ud800\""])
  func badJSON(_ text: String) {
    #expect(throws: BenchFailure.self) { try JSON(parsing: Array(text.utf8)) }
  }

  @Test("Every page of free memory is touched")
  func touched() {
    // Of this thread (RUSAGE_THREAD, which Swift does not import).
    func faults() -> Int {
      var usage = rusage()
      getrusage(1, &usage)
      return usage.ru_minflt
    }
    let before = faults()
    FreeMemory.touch(128 << 20)
    // As many as there are pages, or large pages.
    #expect(faults() - before >= 128 / 2 - 1)
  }

  @Test("A child's exit status, signal and files are told")
  func child() throws {
    let out = "/tmp/sluice-bench-child-\(getpid())"
    defer { unlink(out) }
    let exit = try ChildProcess(["sh", "-c", "echo said; exit 3"]).run(
      output: out, errors: "/dev/null")
    #expect(exit.exitStatus == 3 && !exit.succeeded)
    #expect(try File.contents(of: out) == Array("said\n".utf8))
    let killed = try ChildProcess(["sh", "-c", "kill -9 $$"]).run(
      output: "/dev/null", errors: "/dev/null")
    #expect(killed.signal == 9 && killed.exitStatus == nil)
    #expect(throws: BenchFailure.self) {
      try ChildProcess(["/no/such/program"]).run(output: "/dev/null", errors: "/dev/null")
    }
  }

  @Test("A child's peak memory is seen")
  func childMemory() throws {
    // dd takes a buffer of the block's size and fills it.
    let outcome = try ChildProcess(["dd", "if=/dev/zero", "of=/dev/null", "bs=200M", "count=3"])
      .run(output: "/dev/null", errors: "/dev/null", samplesMemory: true)
    #expect(outcome.succeeded)
    #expect(outcome.peakResident > 200 << 20 && outcome.peakResident < 260 << 20)
    #expect(outcome.sampled.anonymous > 100 << 20)
  }

  // In /var/tmp, which is never a file system in memory: that has no other place to keep a file.
  @Test("A file that was just written is resident, and not after it was evicted")
  func residency() throws {
    let path = "/var/tmp/sluice-bench-resident-\(getpid())"
    defer { unlink(path) }
    try File.replace(path, with: String(repeating: "x", count: 3 << 20))
    #expect(try PageCache.residentShare(of: [path]) == 1)
    try PageCache.evict([path])
    #expect(try PageCache.residentShare(of: [path]) == 0)
  }

  @Test("A memory group kills what needs more than its limit", .enabled(if: getuid() == 0))
  func group() throws {
    let group: MemoryGroup
    do { group = try MemoryGroup(limit: 64 << 20) } catch {
      // A container without a memory controller to hand out; the message must say what to do.
      #expect("\(error)".contains("--limit"))
      return
    }
    defer { group.remove() }
    let block = { (size: String) in
      try ChildProcess(["dd", "if=/dev/zero", "of=/dev/null", "bs=\(size)", "count=1"]).run(
        output: "/dev/null", errors: "/dev/null", group: group)
    }
    #expect(try block("16M").succeeded)
    let before = try group.usage()
    #expect(before.peak > 16 << 20 && before.peak < 64 << 20 && before.limitHits == 0)
    #expect(try block("200M").signal == 9)
    let after = try group.usage()
    #expect(after.peak >= 63 << 20 && after.limitHits > 0 && after.kills != 0)
  }
}
