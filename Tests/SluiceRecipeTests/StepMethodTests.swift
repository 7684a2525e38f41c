import SluiceCore
import SluiceMethods
import SluicePlan
import SluiceRun
import SluiceRecipe
import SluiceStages
import SluiceTestSupport
import Testing

/// A merge in mergekit's grammar, and what the reference is told of it.
struct StepCase: Sendable, CustomTestStringConvertible {
  var method: String
  /// The inputs beside the base, as recipes list them; `base` for the base itself.
  var inputs = ["math", "law"]
  var hasBase = true
  /// Parameters of each input, as the recipe writes them, and their numbers.
  var own: [String: [Double]] = [:]
  var shared: [String: Double] = [:]

  var testDescription: String { "\(method) \(own) \(shared)" }

  /// The recipe.
  func text(dtype: String?, more: String = "") -> String {
    var text = "merge_method: \(method)\n"
    if hasBase { text += "base_model: models/base\n" }
    text += "models:\n"
    for (position, input) in inputs.enumerated() {
      let pairs = own.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value[position])" }
      text += "  - model: models/\(input)\n"
      if !pairs.isEmpty { text += "    parameters: {\(pairs.joined(separator: ", "))}\n" }
    }
    let truths: Set = [
      "normalize", "rescale", "nuslerp_flatten", "nuslerp_row_wise", "normalize_weights",
      "filter_wise",
    ]
    let pairs = shared.sorted { $0.key < $1.key }.map { key, value in
      truths.contains(key) ? "\(key): \(value != 0)" : "\(key): \(value)"
    }
    if !pairs.isEmpty { text += "parameters: {\(pairs.joined(separator: ", "))}\n" }
    if let dtype { text += "dtype: \(dtype)\n" }
    return text + more
  }

  /// What the method's defaults add, in the reference's names.
  var defaults: [String: Double] {
    let usual: [String: Double] =
      switch method {
      case "linear", "ties", "della": ["normalize": 1]
      default: [:]
      }
    let rescale: [String: Double] =
      ["dare_linear", "dare_ties", "della", "della_linear"].contains(method) ? ["rescale": 1] : [:]
    let own: [String: Double] =
      switch method {
      case "ram": ["epsilon": 1e-5]
      default: [:]
      }
    return usual.merging(rescale) { $1 }.merging(own) { $1 }
  }

  /// What the reference makes of the models.
  func merged(
    _ models: [String: TinyModel], _ tensor: TinyTensor, _ dtype: DType
  ) throws -> [Float] {
    var reference = StepReference(dtype)
    reference.shared = defaults.merging(shared) { $1 }
    reference.own = own
    reference.columnCount = tensor.shape.dimensions.last ?? 1
    reference.isVector = tensor.shape.dimensions.count < 2
    func floats(_ model: String) throws -> [Float] {
      try #require(models[model]?[tensor.name]?.floats)
    }
    return reference.merge(
      method, try inputs.map(floats), base: hasBase ? try floats("base") : nil, name: tensor.name)
  }
}

/// Whole merges of methods in mergekit's grammar, compared with a reference that is written from the formulas.
@Suite("Methods that round at each step")
struct StepMethodTests {
  static let weights = ["weight": [0.7, 0.45]]
  static let cases: [StepCase] = [
    StepCase(method: "linear", hasBase: false, own: weights),
    StepCase(
      method: "linear", inputs: ["math", "base", "law"], hasBase: false,
      own: ["weight": [0.7, -0.2, 0.45]], shared: ["normalize": 0]),
    StepCase(method: "passthrough", inputs: ["math"], hasBase: false),
    StepCase(method: "passthrough", inputs: ["math"], hasBase: false, own: ["scale": [0.3]]),
    StepCase(method: "task_arithmetic", own: weights),
    StepCase(
      method: "task_arithmetic", own: ["weight": [0.7, -0.45]],
      shared: ["normalize": 1, "lambda": 0.9]),
    StepCase(method: "ties", own: weights),
    StepCase(method: "ties", own: ["weight": [0.7, 0.45], "density": [0.5, 0.21]]),
    StepCase(
      method: "ties", own: ["weight": [0.7, 0.45], "density": [0.5, 0]],
      shared: ["rescale": 1, "normalize": 0, "lambda": 1.5]),
    StepCase(method: "dare_linear", own: ["weight": [0.7, 0.45], "density": [0.3, 1]]),
    StepCase(method: "dare_ties", own: ["weight": [0.7, 0.45], "density": [0.3, 0.6]]),
    StepCase(
      method: "dare_ties", own: ["weight": [0.7, 0.45], "density": [0.3, 0.6]],
      shared: ["rescale": 0]),
    StepCase(
      method: "breadcrumbs",
      own: ["weight": [0.7, 0.45], "density": [0.6, 0.95], "gamma": [0.05, 0.2]]),
    StepCase(
      method: "breadcrumbs_ties", own: ["weight": [0.7, 0.45], "density": [0.6, 0.3]],
      shared: ["normalize": 1]),
    StepCase(
      method: "della",
      own: ["weight": [0.7, 0.45], "density": [0.5, 0.3], "epsilon": [0.2, 0.1]]),
    StepCase(method: "della_linear", own: ["weight": [0.7, 0.45], "density": [0.6, 1]]),
    StepCase(method: "nearswap", inputs: ["math"], shared: ["t": 0.002]),
    StepCase(method: "ram", shared: ["epsilon": 0.001]),
    StepCase(method: "ramplus_tl", shared: ["epsilon": 0.001, "r": 0.5, "alpha": 0.4]),
    StepCase(method: "slerp", inputs: ["math"], shared: ["t": 0.3]),
    StepCase(method: "nuslerp", own: weights),
    StepCase(method: "nuslerp", hasBase: false, own: weights),
    StepCase(method: "model_stock"),
    StepCase(method: "nuslerp", own: weights, shared: ["nuslerp_flatten": 0]),
    StepCase(method: "nuslerp", hasBase: false, own: weights, shared: ["nuslerp_flatten": 0]),
    StepCase(
      method: "nuslerp", own: weights, shared: ["nuslerp_flatten": 0, "nuslerp_row_wise": 1]),
    StepCase(
      method: "nuslerp", hasBase: false, own: weights,
      shared: ["nuslerp_flatten": 0, "nuslerp_row_wise": 1]),
    StepCase(method: "model_stock", shared: ["filter_wise": 1]),
    StepCase(method: "sce"),
    StepCase(method: "sce", shared: ["select_topk": 0.3]),
    StepCase(method: "arcee_fusion", inputs: ["math"]),
  ]

  /// Those whose scalars follow from products of inputs, and not from vectors that were rounded: nearly the same.
  static let near: [StepCase] = [
    StepCase(method: "multislerp", own: weights),
    StepCase(method: "multislerp", hasBase: false, own: weights),
    StepCase(method: "karcher", inputs: ["math", "base", "law"], hasBase: false),
    StepCase(
      method: "karcher", inputs: ["math", "law"], hasBase: false, shared: ["max_iter": 2]),
  ]

  @Test(
    "means on a sphere are within a few units of the reference", arguments: near,
    [DType.f32, .bf16])
  func nearly(method: StepCase, dtype: DType) throws {
    let directory = try FamilyDirectory(dtype: dtype)
    let name = try #require(DType.torchNames.first { $0.value == dtype.rawValue }?.key)
    let merged = try directory.run(try directory.recipe(method.text(dtype: name))).model
    let models = directory.models
    let unit: Float = dtype == .f32 ? 0x1p-23 : dtype == .f16 ? 0x1p-10 : 0x1p-7
    for tensor in merged.tensors {
      let found = try #require(tensor.floats)
      let expected = try method.merged(models, tensor, dtype)
      // Units of what the mean is made of: vectors as long as the longest.
      let length = expected.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
      let distance = zip(found, expected).reduce(0) { sum, pair in
        sum + Double(pair.0 - pair.1) * Double(pair.0 - pair.1)
      }.squareRoot()
      #expect(distance <= 8 * Double(unit) * length, "\(tensor.name): \(distance / length)")
    }
  }

  @Test(
    "each gives the reference's bits in each type", arguments: cases, [DType.f32, .bf16, .f16])
  func bits(method: StepCase, dtype: DType) throws {
    let directory = try FamilyDirectory(dtype: dtype)
    let name = try #require(DType.torchNames.first { $0.value == dtype.rawValue }?.key)
    try expect(method, in: directory, dtype: name, working: dtype)
  }

  @Test(
    "tensors of several strips, cut anywhere, give the same bits",
    arguments: cases.filter {
      ["ties", "breadcrumbs", "della", "model_stock", "sce", "arcee_fusion", "nuslerp"].contains(
        $0.method)
        && ($0.own["density"] != nil || !$0.shared.isEmpty)
    })
  func strips(method: StepCase) throws {
    let directory = try FamilyDirectory { $0.vocabularySize = 2800 }
    try expect(method, in: directory, dtype: "bfloat16", working: .bf16)
  }

  @Test("without a type it is that of the inputs, and inputs are rounded before anything else")
  func types() throws {
    let ties = try #require(StepMethodTests.cases.first { $0.method == "ties" })
    let linear = try #require(StepMethodTests.cases.first { $0.method == "linear" })
    try expect(ties, in: try FamilyDirectory(dtype: .f16), dtype: nil, working: .f16)
    let mixed = try FamilyDirectory(dtype: .bf16) { $0.fineTunes[0].dtype = .f16 }
    try expect(ties, in: mixed, dtype: nil, working: .f32)
    try expect(linear, in: mixed, dtype: "bfloat16", working: .bf16)
  }

  @Test(
    "with rounding: once all is done in F32, and rounded at the end", arguments: cases.prefix(9))
  func once(method: StepCase) throws {
    try expect(
      method, in: try FamilyDirectory(), dtype: "bfloat16", working: .f32, written: .bf16,
      more: "rounding: once\n")
  }

  private func expect(
    _ method: StepCase, in directory: FamilyDirectory, dtype: String?, working: DType,
    written: DType? = nil, more: String = ""
  ) throws {
    let recipe = try directory.recipe(method.text(dtype: dtype, more: more))
    let merged = try directory.run(recipe)
    var options = RunOptions(threads: 1)
    options.stripElements = Granularity.grainElements
    try directory.run(recipe, options: options).model.expectSameBytes(as: merged.model)
    let models = directory.models
    for tensor in merged.model.tensors {
      let values = try method.merged(models, tensor, working)
      // Two methods make F32, whatever they compute in.
      let type =
        written ?? (["ramplus_tl", "arcee_fusion"].contains(method.method) ? .f32 : working)
      let expected = TinyTensor(
        tensor.name, type, tensor.shape.dimensions, values: values.map(Double.init))
      #expect(tensor.dtype == expected.dtype)
      #expect(tensor.bytes == expected.bytes, "\(tensor.name)")
    }
    let again = try directory.recipe(recipe.resolvedText())
    #expect(again == recipe && again.fingerprint == recipe.fingerprint)
  }
}

extension FamilyDirectory {
  /// The models by name.
  fileprivate var models: [String: TinyModel] {
    var models: [String: TinyModel] = ["base": family.base]
    for tuned in family.fineTuned { models[tuned.name] = tuned.model }
    return models
  }
}
