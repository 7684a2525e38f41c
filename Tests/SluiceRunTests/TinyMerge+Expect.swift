import SluiceCore
import SluicePlan
import SluiceRecipe
import SluiceRun
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

extension ScratchDirectory {
  /// Merges as a recipe says into a directory here, and reads what came of it.
  func merged(_ recipe: MergeRecipe, _ run: RunOptions, _ name: String) throws -> TinyModel {
    _ = try MergeRun(try MergePlan(recipe, options: run), output: self(name)).execute()
    return try TinyModel.read(self(name))
  }

  /// Makes a store of a model that lies here, and says where.
  func store(of name: String) throws -> String {
    let request = PruneRun.Request(
      base: self("base"), model: self("model-" + name),
      pruningRate: try #require(PruningRate(0.9)))
    let path = self("store")
    _ = try PruneRun(request, options: RunOptions(threads: 1), output: path).run()
    return path
  }
}

extension TinyModel {
  /// Compares the tensors byte by byte.
  func expectSameBytes(as expected: TinyModel, _ what: String) throws {
    #expect(tensors.count == expected.tensors.count)
    for tensor in expected.tensors {
      try #require(self[tensor.name]).expectSameBytes(as: tensor, what)
    }
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
