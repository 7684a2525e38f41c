import SluiceRecipe
import SluiceTestSupport
import Testing

extension TinyMerge {
  /// Runs product and reference, and compares every tensor's bytes and every figure of the report.
  func expectEqualToReference(
    layout: ShardingLayout = ShardingLayout(), run: RunOptions = RunOptions(threads: 2),
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let differences = try differencesFromReference(layout: layout, run: run)
    #expect(differences == [], sourceLocation: sourceLocation)
  }
}

extension TinyTensor {
  /// Compares bytes and, where they differ, says where first rather than printing them all.
  func expectSameBytes(
    as expected: TinyTensor, _ what: String = "", sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(difference(from: expected) == nil, "\(what)", sourceLocation: sourceLocation)
  }

  /// The tensor with every -0 of 16 bits replaced by +0.
  var withPositiveZeros: TinyTensor {
    var copy = self
    for high in stride(from: 1, to: bytes.count, by: 2)
    where bytes[high] == 0x80 && bytes[high - 1] == 0 { copy.bytes[high] = 0 }
    return copy
  }
}
