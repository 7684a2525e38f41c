import Foundation
import SluiceCore
import SluiceFormats
import SluiceMethods
import SluicePlan
import SluiceRun
import SluiceRecipe
import SluiceStages
import SluiceTestSupport
import Testing

/// What models must have in common, and what is said where they do not.
@Suite("Models that do not fit together")
struct MatchingTests {
  private static let config = #"{"tie_word_embeddings": false, "vocab_size": 4}"#

  private func model(
    _ tensors: [TinyTensor], config: String = MatchingTests.config
  ) -> TinyModel { TinyModel(tensors: tensors, config: config) }

  private func tensor(
    _ name: String = "model.layers.0.mlp.up_proj.weight", _ dtype: DType = .f32,
    _ shape: [Int] = [4, 2], from first: Double = 1
  ) -> TinyTensor {
    let count = shape.reduce(1, *)
    return TinyTensor(name, dtype, shape, values: (0..<count).map { first + Double($0) })
  }

  private func merge(
    _ base: TinyModel, _ tuned: TinyModel, change: (inout MergeRecipe) -> Void = { _ in }
  ) throws -> TinyMerge.Output {
    try TinyMerge(ModelFamily(base: base, fineTuned: [("a", tuned)])).run(change: change)
  }

  private func failure(
    _ base: TinyModel, _ tuned: TinyModel, change: (inout MergeRecipe) -> Void = { _ in }
  ) -> Failure? {
    do {
      _ = try merge(base, tuned, change: change)
      return nil
    } catch { return (error as? any SluiceError)?.failure }
  }

  @Test("another shape is refused with both shapes") func shape() {
    let found = failure(
      model([tensor()]), model([tensor("model.layers.0.mlp.up_proj.weight", .f32, [2, 4])]))
    #expect(found?.exitCode == .badInput)
    #expect(found?.message == "the shape is [2, 4], the base's is [4, 2]")
    #expect(found?.subject.model == "a")
    #expect(found?.subject.tensor == "model.layers.0.mlp.up_proj.weight")
  }

  @Test("weights that cannot be merged are refused by type", arguments: [DType.f8e4m3, .i8])
  func types(dtype: DType) throws {
    let bytes = TinyTensor(
      name: "model.layers.0.mlp.up_proj.weight", dtype: dtype,
      shape: try #require(TensorShape([2, 2])), bytes: [1, 2, 3, 4])
    let plain = tensor("model.layers.0.mlp.up_proj.weight", .f32, [2, 2])
    let (quantised, usual) = (model([bytes]), model([plain]))
    for found in [failure(quantised, usual), failure(usual, quantised)] {
      #expect(found?.exitCode == .badInput)
      #expect(found?.message.contains("type \(dtype)") == true)
    }
  }

  @Test("numbers that are not finite are refused with model, tensor and element")
  func nonFinite() throws {
    for value in [Double.nan, .infinity, -.infinity] {
      for name in ["model.layers.0.mlp.up_proj.weight", "model.norm.weight"] {
        let good = tensor(name)
        var values = (good.floats ?? []).map { Double($0) }
        values[5] = value
        let bad = TinyTensor(name, .f32, [4, 2], values: values)
        let inTuned = failure(model([good]), model([bad]))
        #expect(inTuned?.subject == Subject(model: "a", tensor: name))
        #expect(inTuned?.message.hasPrefix("element 5:") == true)
        let inBase = failure(model([bad]), model([good]))
        #expect(inBase?.subject == Subject(model: "base", tensor: name))
        #expect(inBase?.exitCode == .badInput)
      }
    }
  }

  @Test("a result too large for F16 is refused") func overflow() {
    let base = TinyTensor("model.norm.weight", .f16, [2], values: [60000, 1])
    let tuned = TinyTensor("model.norm.weight", .f16, [2], values: [65000, 1])
    let found = failure(model([base]), model([tuned])) { $0.method.mergeScale = 3 }
    #expect(found?.message == "element 0: the merged weight is too large for F16")
    #expect(found?.remedy?.contains("--dtype") == true)
  }

  @Test("tensors that only a fine-tune has: refused, left out, or copied") func extra() throws {
    let base = model([tensor()])
    let tuned = model([tensor(), tensor("adapter.weight")])
    #expect(failure(base, tuned)?.message == "the base does not have this tensor")
    let ignored = try merge(base, tuned) { $0.method.extraTensors = .ignore }
    #expect(ignored.model["adapter.weight"] == nil)
    let copied = try merge(base, tuned) { $0.method.extraTensors = .copy }
    #expect(copied.model["adapter.weight"]?.bytes == tuned["adapter.weight"]?.bytes)
    #expect(copied.report.warnings.contains { $0.kind == .extraTensor })
  }

  @Test("a tensor that a fine-tune lacks counts as unchanged") func missing() throws {
    let base = model([tensor(), tensor("model.norm.weight")])
    let merged = try merge(base, model([tensor(from: 2)]))
    try #require(merged.model["model.norm.weight"]).expectSameBytes(
      as: try #require(base["model.norm.weight"]))
    #expect(merged.report.warnings.contains { $0.kind == .missingTensor })
  }

  @Test("vocabularies of different size: refused, cut, or extended") func vocabulary() throws {
    let name = "model.embed_tokens.weight"
    let base = model([tensor(name, .f32, [4, 2])])
    let tuned = model([tensor(name, .f32, [6, 2], from: 11)])
    #expect(failure(base, tuned)?.remedy?.contains("--vocabulary") == true)
    let cut = try merge(base, tuned) { $0.method.vocabulary = .base }
    #expect(cut.model[name]?.floats == (11...18).map { Float($0) })
    let extended = try merge(base, tuned) { $0.method.vocabulary = .extend }
    #expect(extended.model[name]?.shape == TensorShape([6, 2]))
    #expect(extended.model[name]?.floats == (11...22).map { Float($0) })
    #expect(extended.model.config.contains(#""vocab_size": 6"#))
    // A fine-tune with fewer rows leaves the base's last rows as they are.
    let shorter = try merge(tuned, base) { $0.method.vocabulary = .base }
    let rows: [Int] = [1, 2, 3, 4, 5, 6, 7, 8, 19, 20, 21, 22]
    #expect(shorter.model[name]?.floats == rows.map { Float($0) })
  }

  @Test("a head of its own beside a tied base appears in the result") func untied() throws {
    let tied = #"{"tie_word_embeddings": true}"#
    let embedding = tensor("model.embed_tokens.weight")
    let head = tensor("lm_head.weight", .f32, [4, 2], from: 3)
    let merged = try merge(model([embedding], config: tied), model([embedding, head]))
    #expect(merged.model["lm_head.weight"]?.floats == head.floats)
    #expect(merged.model.config == #"{"tie_word_embeddings": false}"#)
    #expect(merged.report.warnings.contains { $0.kind == .untiedHead })
    // A tied base may store its head all the same.
    let stored = try merge(
      model([embedding, tensor("lm_head.weight")], config: tied), model([embedding, head]))
    #expect(stored.model["lm_head.weight"]?.floats == head.floats)
    #expect(stored.model.config == #"{"tie_word_embeddings": false}"#)
    let both = try merge(model([embedding], config: tied), model([embedding], config: tied))
    #expect(both.model["lm_head.weight"] == nil)
  }

  @Test("an output that already holds a model is left alone") func outputExists() throws {
    let directory = try ScratchDirectory()
    let family = ModelFamily(base: model([tensor()]), fineTuned: [("a", model([tensor(from: 2)]))])
    let merge = TinyMerge(family)
    try merge.write(to: directory)
    let plan = try MergePlan(try merge.recipe(in: directory), options: RunOptions(threads: 1))
    let before = try Data(contentsOf: URL(fileURLWithPath: directory("base/model.safetensors")))
    #expect(throws: PipelineError.self) {
      try MergeRun(plan, output: directory("base")).execute()
    }
    let after = try Data(contentsOf: URL(fileURLWithPath: directory("base/model.safetensors")))
    #expect(before == after)
  }

  @Test("a budget that is too small is refused with one that works") func budget() throws {
    let family = FamilySpec.random(seed: 5).build()
    var run = RunOptions(threads: 2)
    run.memory = ByteCount(1000)
    do {
      _ = try TinyMerge(family).run(run: run)
      Issue.record("a budget of 1000 bytes was accepted")
    } catch let error as PipelineError {
      #expect(error.failure.exitCode == .usage)
      let remedy = try #require(error.failure.remedy)
      let size = try #require(remedy.split(separator: " ").last).dropLast()
      run.memory = try #require(ByteCount(String(size)))
      _ = try TinyMerge(family).run(run: run)
    }
  }
}
