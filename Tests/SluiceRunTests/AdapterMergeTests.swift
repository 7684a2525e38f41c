import SluiceCore
import SluiceFormats
import SluiceKernels
import SluiceMethods
import SluicePlan
import SluiceRun
import SluiceRecipe
import SluiceStages
import SluiceTestSupport
import Testing

@Suite("Merges of adapters") struct AdapterMergeTests {
  private static func fold(_ method: inout MethodParameters) {
    method = .plainSum
  }

  /// The same with all weights zero: folding then gives deltas.
  private static func zeros(_ base: TinyModel) -> TinyModel {
    var zeros = base
    for index in zeros.tensors.indices where zeros.tensors[index].dtype.isMergeable {
      let tensor = zeros.tensors[index]
      zeros.tensors[index] = TinyTensor(
        tensor.name, .f32, tensor.shape.dimensions,
        values: [Double](repeating: 0, count: tensor.shape.elementCount))
    }
    return zeros
  }

  @Test("A fold is the base plus the product, rounded once", arguments: [DType.bf16, .f16, .f32])
  func fold(dtype: DType) throws {
    let scene = try AdapterScene(AdapterScene.base(dtype))
    for (position, adapter) in AdapterScene.adapters.enumerated() {
      let folded = try scene.run(scene.recipe([position], Self.fold), to: "out-\(position)")
      let names = TinyLoRA.names(of: scene.base)
      for tensor in scene.base.tensors {
        let result = try #require(folded.model[tensor.name])
        guard names.contains(tensor.name), let weights = tensor.floats else {
          result.expectSameBytes(as: tensor)
          continue
        }
        let deltas = try adapter.deltas(
          of: tensor, scale: Float(adapter.alpha) / Float(adapter.rank))
        let sums = zip(weights, deltas).map { Double(ScalarKernels.rounded($0 + $1, to: dtype)) }
        result.expectSameBytes(
          as: TinyTensor(tensor.name, dtype, tensor.shape.dimensions, values: sums))
      }
      let found = try #require(folded.report.adapters[0])
      #expect(found.adapters.map(\.tensorCount) == [names.count])
      #expect(found.unchangedTensors.isEmpty && (found.ratio ?? 0) > 0.001)
    }
  }

  /// Methods that survey, draw, trim, amplify and elect.
  fileprivate static let methods: [(String, @Sendable (inout MethodParameters) -> Void)] = [
    (
      "ties",
      {
        $0.pruning = .init(rawValue: "none") ?? .dppa
        $0.merging = .ties
      }
    ),
    (
      "ties-original",
      {
        $0.pruning = .init(rawValue: "none") ?? .dppa
        $0.merging = .ties
        $0.tiesFlavor = .original
      }
    ),
    (
      "dppa",
      {
        $0.pruning = .dppa
        $0.merging = .ties
      }
    ),
    (
      "dare-sum",
      {
        $0.pruning = .init(rawValue: "dare") ?? .dppa
        $0.merging = .init(rawValue: "sum") ?? .ties
        $0.rates = .uniform
      }
    ),
    (
      "magnitude-average",
      {
        $0.pruning = .init(rawValue: "magnitude") ?? .dppa
        $0.merging = .init(rawValue: "average") ?? .ties
        $0.rates = .uniform
      }
    ),
  ]

  @Test(
    "Merging adapters of ranks 4, 16 and 64 equals merging their folded models' deltas in F32",
    arguments: [Self.methods[0].0])
  func foldedModels(name: String) throws { try Self.expectAsFolded(name) }

  static func expectAsFolded(_ name: String) throws {
    let method = try #require(Self.methods.first { $0.0 == name }).1
    let base = AdapterScene.base(.f32)
    let scene = try AdapterScene(Self.zeros(base))
    var folded = scene.recipe([0, 1, 2], method)
    folded.models[0].amplification = name == "dppa" ? [1.3, 1.1] : []
    var computed = folded
    for position in 0..<3 {
      _ = try scene.run(scene.recipe([position], Self.fold), to: "m\(position)")
      folded.models[position].path = scene.directory("m\(position)")
      folded.models[position].adapters = []
    }
    let expected = try scene.run(folded, to: "of-models").model
    let found = try scene.run(computed, to: "of-adapters")
    for tensor in expected.tensors {
      try #require(found.model[tensor.name]).expectSameBytes(as: tensor, name)
    }
    // Over weights, the same deltas are added to them.
    try base.write(to: scene.directory("weights"))
    computed.base = scene.directory("weights")
    for position in 0..<3 { computed.models[position].path = computed.base }
    let merged = try scene.run(computed, to: "over-weights").model
    for tensor in base.tensors {
      guard let weights = tensor.floats else { continue }
      let deltas = try #require(expected[tensor.name]?.floats)
      let sums = zip(weights, deltas).map { Double($0 + $1) }
      try #require(merged[tensor.name]).expectSameBytes(
        as: TinyTensor(tensor.name, .f32, tensor.shape.dimensions, values: sums), name)
    }
  }

  @Test("An adapter on a fine-tune adds to its deltas; several on one model add up")
  func combinations() throws {
    let base = AdapterScene.base(.f32)
    let scene = try AdapterScene(base)
    var spec = FamilySpec(seed: 5)
    spec.baseDType = .f32
    spec.hiddenSize = 40
    spec.intermediateSize = 96
    spec.layerCount = 2
    for index in spec.fineTunes.indices { spec.fineTunes[index].dtype = .f32 }
    let tuned = try #require(spec.build().fineTuned.first).model
    try tuned.write(to: scene.directory("tuned"))
    var recipe = scene.recipe([0], Self.fold)
    recipe.models[0].path = scene.directory("tuned")
    recipe.models[0].adapters = [
      MergeRecipe.Adapter(path: scene.directory("lora-0")),
      MergeRecipe.Adapter(path: scene.directory("lora-2"), scale: 0.5),
    ]
    let merged = try scene.run(recipe).model
    for name in TinyLoRA.names(of: base) {
      let tensor = try #require(base[name])
      let (weights, own) = (try #require(tensor.floats), try #require(tuned[name]?.floats))
      let sums = try [(0, 2.0), (2, 0.25)].map { position, scale in
        try AdapterScene.adapters[position].deltas(of: tensor, scale: Float(scale))
      }
      let values = weights.indices.map { index -> Double in
        let delta = (sums[0][index] + sums[1][index]) + (own[index] - weights[index])
        return Double(weights[index] + delta)
      }
      try #require(merged[name]).expectSameBytes(
        as: TinyTensor(name, .f32, tensor.shape.dimensions, values: values))
    }
  }

  @Test("The same bytes whatever the threads, memory, input mode, level, chunks and strips")
  func sameBytes() throws {
    // Tensors of several grains, so that chunks begin and end inside rows.
    let scene = try AdapterScene(
      AdapterScene.base(.bf16, hiddenSize: 740), adapters: [AdapterScene.adapters[1]])
    let methods: [(String, (inout MethodParameters) -> Void)] = [
      ("fold", Self.fold), ("dppa", { $0.pruning = .dppa }),
    ]
    for (name, method) in methods {
      let recipe = scene.recipe([0], method)
      let first = try scene.run(recipe, to: "\(name)-first")
      var variants: [RunOptions] = []
      for (threads, memory, io, grains): (Int, Int, InputMode, Int) in [
        (1, 32, .mmap, 1), (3, 4096, .pread, 2), (2, 48, .pread, 3),
      ] {
        var run = RunOptions(threads: threads)
        run.memory = .mebibytes(memory)
        run.io = io
        run.stripElements = grains * Granularity.grainElements
        run.chunkElements = Granularity.grainElements
        variants.append(run)
      }
      for level in VectorLevel.allCases where level.isSupported {
        var run = RunOptions(threads: 2)
        run.vectorLevel = level
        variants.append(run)
      }
      for (position, run) in variants.enumerated() {
        let other = try scene.run(recipe, to: "\(name)-\(position)", options: run)
        for tensor in first.model.tensors {
          try #require(other.model[tensor.name]).expectSameBytes(as: tensor, "\(name) \(position)")
        }
        #expect(other.report.adapters[0]?.adapters == first.report.adapters[0]?.adapters)
      }
    }
  }

  @Test("A layer that an adapter changes by nothing is said")
  func unchanged() throws {
    let base = AdapterScene.base(.bf16)
    let scene = try AdapterScene(base, adapters: [TinyLoRA(rank: 2, alpha: 0, seed: 1)])
    let report = try scene.run(scene.recipe([0], Self.fold)).report
    let count = TinyLoRA.names(of: base).count
    #expect(report.adapters[0]?.unchangedTensors.count == count)
    #expect(report.warnings.contains { $0.kind == .unchangedTensor })
  }

  @Test("A plan says what an adapter that does not fit is about, before anything is written")
  func misfit() throws {
    let scene = try AdapterScene(AdapterScene.base(.bf16))
    let other = AdapterScene.base(.bf16, hiddenSize: 48)
    try AdapterScene.adapters[0].write(for: other, to: scene.directory("lora-0"))
    let error = #expect(throws: (any Error).self) {
      try scene.run(scene.recipe([0], Self.fold))
    }
    let failure = try #require((error as? any SluiceError)?.failure)
    #expect(failure.exitCode == .badInput && failure.subject.model == "m0")
    #expect(failure.subject.tensor?.contains("lora_A") == true)
    #expect(try FileStatus.of(scene.directory("out")) == nil)
  }
}

extension TinyLoRA {
  /// The product of a tensor's factors, by the scalar reference.
  fileprivate func deltas(of tensor: TinyTensor, scale: Float) throws -> [Float] {
    let factors = factors(of: tensor)
    return ScalarKernels.product(
      try #require(factors.b.floats), try #require(factors.a.floats), rank: rank, scale: scale)
  }
}

/// What the fast tests show with one method, with all.
@Suite("Merges of adapters by every method")
struct SluiceSlowAdapterTests {
  @Test("equal those of their folded models", arguments: AdapterMergeTests.methods.map(\.0))
  func foldedModels(name: String) throws { try AdapterMergeTests.expectAsFolded(name) }
}
