import SluiceCore
import SluiceFormats
import SluiceTestSupport
import Testing

@Suite("Hostile PyTorch files") struct HostileTorchTests {
  @Test("an archive that breaks a rule is refused with the reason", arguments: HostileZip.allCases)
  func archive(_ hostile: HostileZip) throws {
    try expectRefusal(hostile.bytes, hostile.expectedMessage)
  }

  @Test("a pickle that breaks a rule is refused with the reason", arguments: HostilePickle.allCases)
  func pickle(_ hostile: HostilePickle) throws {
    try expectRefusal(hostile.bytes, hostile.expectedMessage)
  }

  @Test("the files that the hostile ones are made from are sound")
  func soundFile() throws {
    let scratch = try ScratchDirectory()
    let path = try scratch.write(HostileZip.soundBytes, to: "model.bin")
    let entry = try #require(try Checkpoint.open(path)["a"]?.entry)
    #expect(entry.shape.dimensions == [2, 3] && entry.dtype == .f32 && entry.view == nil)
    let wide = try scratch.write(HostileZip.soundWideBytes, to: "wide.bin")
    #expect(try Checkpoint.open(wide)["a"]?.entry.byteCount == 24)
  }

  private func expectRefusal(_ bytes: [UInt8], _ message: String) throws {
    let scratch = try ScratchDirectory()
    let path = try scratch.write(bytes, to: "model.bin")
    let error = #expect(throws: FormatError.self) { try Checkpoint.open(path) }
    let failure = try #require(error?.failure)
    #expect(failure.message.contains(message), "\(failure.message)")
    #expect(failure.exitCode == .badInput)
    #expect(failure.subject.file == path)
  }
}
