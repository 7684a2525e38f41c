import SluiceCore
import SluiceTestSupport
import Testing

@Suite("The reference merge and odd inputs") struct ReferenceMergeInputTests {
  static let norm = "model.norm.weight"
  static let embedding = "model.embed_tokens.weight"

  static func model(_ tensors: TinyTensor..., isTied: Bool = false) -> TinyModel {
    TinyModel(tensors: tensors, config: "{\"tie_word_embeddings\": \(isTied)}")
  }

  static func norms(_ dtype: DType, _ values: Double...) -> TinyModel {
    model(TinyTensor(norm, dtype, values: values))
  }

  private func merge(
    _ base: TinyModel, _ tuned: TinyModel..., change: (inout ReferenceOptions) -> Void = { _ in }
  ) throws -> ReferenceResult {
    var options = ReferenceOptions()
    change(&options)
    let models = zip(["a", "b", "c"], tuned).map { ($0, $1) }
    return try referenceMerge(base: base, fineTuned: models, options: options)
  }

  @Test("The output has the base's dtype, or the one asked for")
  func dtypes() throws {
    let base = Self.norms(.bf16, 1, 2)
    let tuned = Self.norms(.f32, 1.001, 2.5)
    let own = try merge(base, tuned)[Self.norm]
    // 1.001 is nearest to 1 among BF16, whose next is 1.0078.
    #expect(own?.dtype == .bf16 && own?.floats == [1, 2.5])
    let wide = try merge(base, tuned) { $0.outputDType = .f32 }[Self.norm]
    #expect(wide?.dtype == .f32 && wide?.floats == [1 + (Float(1.001) - 1), 2.5])
  }

  @Test("F64 is rounded to F32 before anything else, and written as F64")
  func doubles() throws {
    let result = try merge(Self.norms(.f64, 1 + 0x1p-40, 3), Self.norms(.f64, 1 + 0x1p-30, 0.1))
    let sum = Double(3 + (Float(0.1) - 3))
    #expect(result[Self.norm] == TinyTensor(Self.norm, .f64, values: [1, sum]))
    let copied = try merge(Self.norms(.f64, 1 + 0x1p-40), Self.norms(.f64, 2)) {
      $0.nonlinear = .base
    }
    #expect(copied[Self.norm] == TinyTensor(Self.norm, .f64, values: [1 + 0x1p-40]))
  }

  @Test("A tensor that a model lacks counts as unchanged, for TIES and for the average")
  func missing() throws {
    let base = Self.norms(.f32, 1)
    #expect(try merge(base, Self.model(), Self.norms(.f32, 4))[Self.norm]?.floats == [4])
    let average = try merge(base, Self.model(), Self.norms(.f32, 4)) { $0.nonlinear = .average }
    #expect(average[Self.norm]?.floats == [2.5])
    #expect(try merge(base, Self.model())[Self.norm]?.floats == [1])
    let up = TinyTensor("layers.0.up.weight", .f32, [1, 3], values: [1, 2, 3])
    let row = try merge(Self.model(up), Self.model()).models[0].rows[0]
    #expect(row.statistics.zeros == 3 && row.kept == [0, 0])
  }

  @Test("Integers and rotary buffers are copied from the base, in any output dtype")
  func copies() throws {
    func buffers(_ value: Int64) throws -> TinyModel {
      let shape = try #require(TensorShape([1]))
      let bytes = withUnsafeBytes(of: value.littleEndian) { Array($0) }
      return Self.model(
        TinyTensor(name: "model.position_ids", dtype: .i64, shape: shape, bytes: bytes),
        TinyTensor("model.layers.0.rotary_emb.inv_freq", .f32, values: [Double(value), .nan]))
    }
    let base = try buffers(7)
    let result = try merge(base, try buffers(8)) { $0.outputDType = .bf16 }
    #expect(result.tensors == base.sorted.tensors)
  }

  @Test("Heads tied everywhere stay away; one head of its own gives the output a head")
  func heads() throws {
    let head = TinyModel.headName
    func tied(_ value: Double) -> TinyModel {
      Self.model(TinyTensor(Self.embedding, .f32, [1, 1], values: [value]), isTied: true)
    }
    func untied(_ value: Double, head own: Double) -> TinyModel {
      Self.model(
        TinyTensor(Self.embedding, .f32, [1, 1], values: [value]),
        TinyTensor(head, .f32, [1, 1], values: [own]))
    }
    #expect(try merge(tied(1), tied(2), tied(3)).tensors.map(\.name) == [Self.embedding])
    // Tied base: its head is its embedding 1; deltas 1 and 4, mean 2.5.
    let fromTied = try merge(tied(1), tied(2), untied(1, head: 5))
    #expect(fromTied[head]?.floats == [3.5] && fromTied[Self.embedding]?.floats == [2])
    // Untied base: the tied model's head is its embedding 2, a delta of -8.
    let fromUntied = try merge(untied(1, head: 10), tied(2))
    #expect(fromUntied[head]?.floats == [2])
    // Neither tied nor present: unchanged.
    let absent = Self.model(TinyTensor(Self.embedding, .f32, [1, 1], values: [2]))
    #expect(try merge(untied(1, head: 10), absent)[head]?.floats == [10])
  }

  @Test("What cannot be merged is refused by name")
  func refusals() throws {
    func error(_ base: TinyModel, _ tuned: TinyModel) -> ReferenceError? {
      #expect(throws: ReferenceError.self) { try merge(base, tuned) }
    }
    let base = Self.norms(.f16, 60000)
    #expect(error(base, Self.norms(.f16, 1, 2)) == .shapeMismatch(model: "a", tensor: Self.norm))
    let extra = Self.model(TinyTensor("x", .f16, values: [1]))
    #expect(error(base, extra) == .extraTensor(model: "a", tensor: "x"))
    #expect(
      error(base, Self.norms(.f32, .infinity)) == .notFinite(model: "a", tensor: Self.norm))
    #expect(error(Self.norms(.f32, .nan), base) == .notFinite(model: nil, tensor: Self.norm))
    #expect(error(base, Self.norms(.f32, 65520)) == .overflow(tensor: Self.norm))
    let shape = try #require(TensorShape([1]))
    let tiny = TinyTensor(name: Self.norm, dtype: .f8e4m3, shape: shape, bytes: [1])
    #expect(error(Self.model(tiny), Self.model(tiny)) == .unmergeable(tensor: Self.norm))
    #expect(error(Self.norms(.f32, 1), Self.model(tiny)) == .unmergeable(tensor: Self.norm))
  }

  @Test("Options that name no model, and factors without a partition, are refused")
  func badOptions() {
    let base = Self.norms(.f32, 1)
    #expect(throws: ReferenceError.self) { try merge(base, base) { $0.weight = ["x": 2] } }
    #expect(throws: ReferenceError.self) {
      try merge(base, base) { $0.amplify = ["a": [1, 1, 1]] }
    }
  }
}
