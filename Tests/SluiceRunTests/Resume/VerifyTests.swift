import SluiceCore
import SluiceFormats
import SluiceTestSupport
import Testing

@testable import SluicePlan
@testable import SluiceRun
@testable import SluiceRecipe

@Suite("Verifying a merged model")
struct VerifyTests {
  private static let merge = Result { try ResumableMerge(in: ScratchDirectory.root, dtype: .f16) }

  private func copy(_ name: String) throws -> String {
    let merge = try VerifyTests.merge.get()
    try Directory.create(merge.output(name))
    for entry in try Directory.list(merge.output("expected")) {
      try AtomicFile.copy(
        "\(merge.output("expected"))/\(entry.name)", to: "\(merge.output(name))/\(entry.name)")
    }
    return merge.output(name)
  }

  @Test("finds nothing in a whole one", arguments: [1, 3])
  func whole(threads: Int) throws {
    let merge = try VerifyTests.merge.get()
    let result = try CheckpointVerifier(merge.output("expected"), threads: threads).verify()
    #expect(result.differences.isEmpty && result.tensorCount > 10)
    let files = try Directory.list(merge.output("expected")).filter {
      $0.name.hasSuffix(".safetensors")
    }
    #expect(result.fileCount == files.count)
  }

  @Test("names the tensor and the bytes in which a bit changed")
  func changedBit() throws {
    let path = try copy("bit")
    let name = try #require(
      try Directory.list(path).map(\.name).first { $0.hasSuffix(".safetensors") })
    let shard = try SafetensorsFile.open("\(path)/\(name)")
    for tensor in shard.header.tensors where !tensor.byteRange.isEmpty {
      let file = try #require(try WorkFile.open(at: "\(path)/\(name)"))
      let place = tensor.byteRange.upperBound - 1
      let byte = try file.bytes(in: place..<place + 1)[0]
      try file.write([byte ^ 4], at: place)
      let differences = try CheckpointVerifier(path, threads: 2).verify().differences
      #expect(differences.map(\.subject.tensor) == [tensor.name])
      #expect(differences.first?.subject.byteRange == tensor.byteRange)
      try file.write([byte], at: place)
    }
    #expect(try CheckpointVerifier(path, threads: 2).verify().differences.isEmpty)
  }

  @Test("notices headers, lengths, missing files and a broken index")
  func otherDamage() throws {
    let path = try copy("other")
    let names = try Directory.list(path).map(\.name).filter { $0.hasSuffix(".safetensors") }
    let file = try #require(try WorkFile.open(at: "\(path)/\(names[0])"))
    // The padding of the header is white space of another kind.
    let header = try SafetensorsFile.open("\(path)/\(names[0])").header
    let start = try #require(header.tensors.map(\.byteRange.lowerBound).min())
    let last = try file.bytes(in: start - 1..<start)
    #expect(last == [0x20])
    try file.write([0x0A], at: start - 1)
    var differences = try CheckpointVerifier(path, threads: 1).verify().differences
    #expect(differences.count == 1 && differences[0].message.contains("header"))
    try file.write(last, at: start - 1)
    try file.truncate(to: try file.byteCount() - 1)
    try Directory.removeFile("\(path)/\(names[1])")
    differences = try CheckpointVerifier(path, threads: 1).verify().differences
    #expect(differences.map(\.subject.file) == names[..<2].map { "\(path)/\($0)" })
    let other = try copy("index")
    try AtomicFile.write(Array("{}".utf8), to: "\(other)/model.safetensors.index.json")
    #expect(try CheckpointVerifier(other, threads: 1).verify().differences.count == 1)
    try Directory.removeFile("\(other)/sluice-report.json")
    #expect(throws: PipelineError.self) { try CheckpointVerifier(other, threads: 1).verify() }
  }
}
