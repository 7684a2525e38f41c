import Foundation
import SluiceCore
import SluiceFormats
import SluiceMethods
import SluicePlan
import SluiceRun
import SluiceRecipe
import SluiceTestSupport
import Testing

/// Adapters that PEFT wrote, and what PEFT folds them to (`bench/peft/forms.py --fixtures`).
@Suite("Adapters of PEFT") struct PEFTFixtureTests {
  private static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Fixtures/peft").path

  private static let forms = ((try? FileManager.default.contentsOfDirectory(atPath: root)) ?? [])
    .filter { FileManager.default.fileExists(atPath: "\(root)/\($0)/form.json") }.sorted()

  /// Whether all bits agree: lengths of directions, and sums of matrices as small as these in F32, are
  /// added in an order that is the library's own (larger ones agree: `bench/peft/README.md`).
  private static func isExact(_ form: String, _ dtype: DType) -> Bool {
    dtype == .bf16 && !form.contains("dora")
  }

  private struct Form: Decodable {
    let base: String
    let experts: String?
  }

  @Test("All forms are there") func all() { #expect(PEFTFixtureTests.forms.count == 27) }

  @Test("A fold equals PEFT's, bit for bit where the order of sums is known", arguments: forms)
  func fold(name: String) throws {
    let place = "\(Self.root)/\(name)"
    let form = try JSONDecoder().decode(
      Form.self, from: Data(contentsOf: URL(fileURLWithPath: "\(place)/form.json")))
    let base = "\(Self.root)/bases/\(form.base)"
    var model = MergeRecipe.Model(name: "adapter", path: base)
    model.adapters = [MergeRecipe.Adapter(path: "\(place)/adapter")]
    var recipe = MergeRecipe(base: base, models: [model], method: .plainSum)
    recipe.method.loraRounding = .peft
    recipe.method.loraExperts = form.experts.flatMap { .init(rawValue: $0) }
    let scratch = try ScratchDirectory()
    let plan = try MergePlan(recipe, options: RunOptions(threads: 2))
    _ = try MergeRun(plan, output: scratch("out")).execute()
    let found = try TinyModel.read(scratch("out"))
    let expected = try TinyModel.read("\(place)/expected")
    #expect(!expected.tensors.isEmpty)
    for tensor in expected.tensors {
      let own = try #require(found[tensor.name])
      if Self.isExact(name, tensor.dtype) {
        own.expectSameBytes(as: tensor, name)
      } else {
        let pairs = zip(try #require(own.floats), try #require(tensor.floats))
        #expect(pairs.allSatisfy { abs($0 - $1) <= 0x1p-20 * max($1.magnitude, 1) }, "\(name)")
      }
    }
    for tensor in try TinyModel.read(base).tensors where expected[tensor.name] == nil {
      try #require(found[tensor.name]).expectSameBytes(as: tensor, name)
    }
  }
}
