import SluiceCore
import SluiceFormats
import SluiceTestSupport
import Testing

@Suite("PyTorch files") struct TorchFileTests {
  @Test(
    "a checkpoint in any layout holds what the same weights as safetensors hold",
    arguments: TorchFixtures.families.flatMap { family in
      ["base", "math", "law"].map { "\(family)/\($0)" }
    } + ["types"])
  func sameTensors(folder: String) throws {
    let found = try Checkpoint.open(TorchFixtures.path(folder))
    let expected = try Checkpoint.open(TorchFixtures.path("\(folder)/expected.safetensors"))
    #expect(Set(found.tensors.map(\.name)) == Set(expected.tensors.map(\.name)))
    for tensor in expected.tensors {
      let other = try #require(found[tensor.name])
      #expect(other.entry.dtype == tensor.entry.dtype)
      #expect(other.entry.shape == tensor.entry.shape)
      #expect(other.entry.byteCount == tensor.entry.byteCount)
      #expect(try elements(other, of: found) == elements(tensor, of: expected), "\(tensor.name)")
    }
  }

  @Test("any run of a strided tensor is read in the order of the tensor")
  func stridedRuns() throws {
    for family in ["transposed", "sliced", "sliced-f64", "expanded"] {
      let checkpoint = try Checkpoint.open(TorchFixtures.path("\(family)/math"))
      let strided = checkpoint.tensors.filter { $0.entry.view != nil }
      #expect(!strided.isEmpty)
      for tensor in strided {
        let width = try #require(tensor.entry.dtype.byteCount)
        let whole = try elements(tensor, of: checkpoint)
        let count = tensor.entry.shape.elementCount
        for start in 0..<count {
          for end in [start, start + 1, start + 7, count] where end <= count {
            let run = try elements(tensor, of: checkpoint, start..<end)
            #expect(run == Array(whole[start * width..<end * width]), "\(start)..<\(end)")
          }
        }
      }
    }
  }

  @Test(
    "a sound file that is no plain state dict is refused with advice",
    arguments: TorchFixtures.refused.keys.sorted())
  func refused(name: String) throws {
    let path = TorchFixtures.path("refused/\(name).bin")
    let error = #expect(throws: FormatError.self) { try Checkpoint.open(path) }
    let failure = try #require(error?.failure)
    let expected = try #require(TorchFixtures.refused[name])
    #expect("\(failure.subject): \(failure.message)".contains(expected), "\(failure)")
    #expect(failure.subject.file == path)
    #expect(failure.exitCode == .badInput)
    #expect(failure.remedy != nil)
  }

  private func elements(
    _ tensor: CheckpointTensor, of checkpoint: Checkpoint, _ range: Range<Int>? = nil
  ) throws -> [UInt8] {
    let entry = tensor.entry
    let width = try #require(entry.dtype.byteCount)
    let range = range ?? 0..<entry.shape.elementCount
    let input = checkpoint.files[tensor.fileOrdinal].input
    let start = entry.byteRange.lowerBound
    guard let view = entry.view else {
      return try input.bytes(in: start + range.lowerBound * width..<start + range.upperBound * width)
    }
    var bytes = [UInt8](repeating: 0, count: range.count * width)
    try bytes.withUnsafeMutableBytes {
      try input.read(range, of: view, at: start, width: width, into: $0)
    }
    return bytes
  }
}
