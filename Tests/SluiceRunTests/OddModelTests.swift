import Foundation
import SluiceCore
import SluicePlan
import SluiceRun
import SluiceRecipe
import SluiceTestSupport
import Testing

/// Models that are legal and hardly ever seen, each as a whole merge with the expected result.
@Suite("Odd but legal models") struct OddModelTests {
  private static let linear = "model.layers.0.mlp.up_proj.weight"

  private func model(_ tensors: [TinyTensor], config: String = "{}") -> TinyModel {
    TinyModel(tensors: tensors, config: config)
  }

  private func bytes(
    _ name: String, _ dtype: DType, _ dimensions: [Int], _ bytes: [UInt8]
  ) throws -> TinyTensor {
    TinyTensor(
      name: name, dtype: dtype, shape: try #require(TensorShape(dimensions)), bytes: bytes)
  }

  /// A merge at rate 0 of one model gives its own weights back; so every number is known.
  private func merge(
    _ base: TinyModel, _ tuned: [TinyModel], run: RunOptions = RunOptions(threads: 2),
    change: (inout MergeRecipe) -> Void = { _ in }
  ) throws -> TinyMerge.Output {
    var options = ReferenceOptions()
    options.pruningRate = 0
    let models = tuned.enumerated().map { (name: "m\($0)", model: $1) }
    return try TinyMerge(ModelFamily(base: base, fineTuned: models), options: options)
      .run(run: run, change: change)
  }

  @Test(
    "tensors of no element or of one, of any rank",
    arguments: [
      [], [1], [1, 1], [1, 1, 1], [0], [0, 3], [3, 0], [2, 0, 2], Array(repeating: 1, count: 2000),
    ])
  func smallest(dimensions: [Int]) throws {
    let count = dimensions.reduce(1, *)
    for name in [Self.linear, "model.norm.weight", "x"] {
      for dtype in [DType.bf16, .f32, .f64] {
        let base = TinyTensor(name, dtype, dimensions, values: Array(repeating: 0.5, count: count))
        let tuned = TinyTensor(
          name, dtype, dimensions, values: Array(repeating: 0.75, count: count))
        let merged = try merge(model([base]), [model([tuned])])
        #expect(merged.model[name]?.shape.dimensions == dimensions)
        #expect(merged.model[name]?.bytes == tuned.bytes)
      }
    }
  }

  @Test("a model of no tensor at all") func noTensor() throws {
    let merged = try merge(model([]), [model([])])
    #expect(merged.model.tensors.isEmpty)
  }

  @Test("names in any script, with anything in them that is no path")
  func names() throws {
    let names = [
      "", " ", "模型.层.0.权重", "модель.слой.вес", "نموذج", "मॉडल", "🦙.weight", "a\u{0301}", "\u{202e}x",
      "../../etc/passwd", "/", "C:\\x", "a\nb", "\u{7f}", "\"quoted\"", "%s%n", "__metadata",
      String(repeating: "n", count: 5000), "model.layers.٣.mlp.up_proj.weight",
    ]
    let base = names.map { TinyTensor($0, .f32, values: [1, 2]) }
    let tuned = names.enumerated().map { TinyTensor($1, .f32, values: [1, 3 + Double($0)]) }
    let merged = try merge(model(base), [model(tuned)])
    #expect(merged.model.tensors.count == names.count)
    for tensor in tuned {
      #expect(merged.model[tensor.name]?.bytes == tensor.bytes, "\(tensor.name)")
    }
  }

  @Test("ten thousand tensors") func manyTensors() throws {
    func family(_ value: Double) -> TinyModel {
      model(
        (0..<10_000).map {
          TinyTensor("model.layers.\($0 / 10).mlp.w\($0 % 10).bias", .bf16, values: [1, value])
        })
    }
    let merged = try merge(family(1), [family(2)])
    #expect(merged.model.tensors.count == 10_000)
    #expect(merged.model.tensors.allSatisfy { $0.floats == [1, 2] })
  }

  @Test("tensors that one of several thousand lacks are told of in order, and a misfit by its name")
  func manyAbsent() throws {
    let absent: Set = [7, 900, 1030, 2047, 2048]
    func family(_ value: Double, without absent: Set<Int> = [], misfit: Int? = nil) -> TinyModel {
      model(
        (0..<2_500).filter { !absent.contains($0) }.map {
          TinyTensor("x.\($0).bias", .bf16, values: $0 == misfit ? [value] : [1, value])
        })
    }
    let merged = try merge(family(1), [family(2, without: absent)]) { $0.method.absent = .base }
    let told = merged.report.warnings.filter { $0.kind == .missingTensor }
    // In the order in which the base has them.
    #expect(told.compactMap(\.subject.tensor) == absent.sorted().map { "x.\($0).bias" })
    for number in absent { #expect(merged.model["x.\(number).bias"]?.floats == [1, 1]) }
    #expect(merged.model["x.8.bias"]?.floats == [1, 2])
    let error = #expect(throws: PipelineError.self) {
      try merge(family(1), [family(2, misfit: 2_222)])
    }
    #expect(error?.failure.subject.tensor == "x.2222.bias")
  }

  @Test("integers, truth values and eight-bit floats outside linear layers")
  func otherTypes() throws {
    let integers: [(DType, Int)] = [
      (.i64, 8), (.i32, 4), (.i16, 2), (.i8, 1), (.u8, 1), (.bool, 1), (.u16, 2), (.u32, 4),
      (.u64, 8),
    ]
    let base = try integers.map { dtype, width in
      try bytes("buffer.\(dtype)", dtype, [3], Array(1...UInt8(3 * width)))
    }
    let tuned = try integers.map { dtype, width in
      try bytes("buffer.\(dtype)", dtype, [3], Array(repeating: 9, count: 3 * width))
    }
    let merged = try merge(model(base), [model(tuned)])
    // What is no weight is the base's.
    for tensor in base { #expect(merged.model[tensor.name]?.bytes == tensor.bytes) }
    let eight = try bytes("model.norm.weight", .f8e4m3, [2], [0x38, 0x40])
    let error = #expect(throws: PipelineError.self) { try merge(model([eight]), [model([eight])]) }
    #expect(error?.failure.message.hasPrefix("weights of type F8_E4M3 cannot be merged") == true)
  }

  @Test("every type is merged, kept as it is, or refused by name", arguments: DType.allCases)
  func everyType(dtype: DType) throws {
    let count = try #require(dtype.byteCount(ofElements: 16))
    for name in [Self.linear, "model.norm.weight", "x"] {
      let base = try bytes(name, dtype, [4, 4], Array(repeating: 0x3c, count: count))
      // Integers that differ may be packed weights; those that do not are kept.
      let isKept = !dtype.isFloatingPoint && name != Self.linear
      let tuned = try bytes(
        name, dtype, [4, 4], Array(repeating: isKept ? 0x3c : 0x3d, count: count))
      if dtype.isMergeable || isKept {
        let merged = try merge(model([base]), [model([tuned])])
        let expected = isKept ? base : tuned
        if dtype == .f64 {
          // Deltas are taken in Float32, which has fewer digits.
          let found = try #require(merged.model[name]?.floats)
          #expect(found == expected.floats)
        } else {
          #expect(merged.model[name]?.bytes == expected.bytes)
        }
      } else {
        let error = #expect(throws: PipelineError.self) {
          try merge(model([base]), [model([tuned])])
        }
        #expect(error?.failure.exitCode == .badInput)
        #expect(error?.failure.message.contains("\(dtype)") == true, "\(error as Any)")
      }
    }
  }

  @Test("a fine-tune that is the base, by content, by path, and twice")
  func equalModels() throws {
    let family = FamilySpec.random(seed: 8).build()
    let same = try TinyMerge(ModelFamily(base: family.base, fineTuned: [("m0", family.base)])).run {
      $0.models.append(.init(name: "again", path: $0.base))
      $0.models.append(.init(name: "twice", path: $0.base + "/../model-m0/"))
    }
    for tensor in family.base.tensors {
      // base + 0 loses the sign of a zero in nothing but zeros.
      let found = try #require(same.model[tensor.name])
      #expect(found.dtype == tensor.dtype && found.shape == tensor.shape)
      if let floats = tensor.floats {
        #expect(found.floats == floats, "\(tensor.name)")
      } else {
        #expect(found.bytes == tensor.bytes, "\(tensor.name)")
      }
    }
    let odd = same.report.warnings.filter { $0.kind == .oddInput }
    #expect(
      odd.map(\.message) == [
        "the same checkpoint as model base", "the same checkpoint as model m0",
      ])
    #expect(same.report.warnings.contains { $0.kind == .unchangedTensor })
  }

  @Test("metadata that is empty, null, or says something else") func metadata() throws {
    let entry = SafetensorsBytes.entry("x", [2], 0, 8, dtype: "F32")
    for text in [
      "{\(entry)}", "{\"__metadata__\":{},\(entry)}", "{\"__metadata__\":null,\(entry)}",
      "{\"__metadata__\":{\"format\":\"mlx\",\"\":\"\"},\(entry)}", "\n {\(entry)} \t",
    ] {
      let directory = try ScratchDirectory()
      for model in ["base", "model-m0"] {
        try FileManager.default.createDirectory(
          atPath: directory(model), withIntermediateDirectories: true)
        try Data(SafetensorsBytes.file(text, dataByteCount: 8))
          .write(to: URL(fileURLWithPath: directory("\(model)/model.safetensors")))
        try Data("{}".utf8).write(to: URL(fileURLWithPath: directory("\(model)/config.json")))
      }
      let tiny = TinyMerge(ModelFamily(base: model([]), fineTuned: [("m0", model([]))]))
      let plan = try MergePlan(try tiny.recipe(in: directory), options: RunOptions(threads: 1))
      _ = try MergeRun(plan, output: directory("out")).execute()
      let merged = try TinyModel.read(directory("out"))
      #expect(merged["x"]?.bytes == [0, 1, 2, 3, 4, 5, 6, 7])
      let file = try #require(
        FileManager.default.contents(atPath: directory("out/model.safetensors")))
      #expect(String(decoding: file.prefix(200), as: UTF8.self).contains(#""format":"pt""#))
    }
  }

  @Test("extra rows in a tied embedding of one model, with a head of its own in another")
  func rowsAndHeads() throws {
    let embedding = "model.embed_tokens.weight"
    func rows(_ name: String, _ first: Double, _ count: Int) -> TinyTensor {
      TinyTensor(name, .f32, [count, 2], values: (0..<2 * count).map { first + Double($0) })
    }
    let tied = #"{"tie_word_embeddings": true, "vocab_size": 2}"#
    let base = model([rows(embedding, 0, 2)], config: tied)
    let longer = model([rows(embedding, 10, 3)], config: tied)
    let untied = model(
      [rows(embedding, 0, 2), rows("lm_head.weight", 100, 2)],
      config: #"{"tie_word_embeddings": false, "vocab_size": 2}"#)
    let error = #expect(throws: PipelineError.self) { try merge(base, [longer, untied]) }
    #expect(error?.failure.message == "the shape is [3, 2], the base's is [2, 2]")
    let extended = try merge(base, [longer, untied]) { $0.method.vocabulary = .extend }
    #expect(extended.model[embedding]?.floats == [10, 11, 12, 13, 14, 15])
    // The tied model's head is its embedding: TIES takes the mean of 10 and 100. The row that only
    // it has is its own.
    #expect(extended.model["lm_head.weight"]?.floats == [55, 56, 57, 58, 14, 15])
    #expect(extended.model.config == #"{"tie_word_embeddings": false, "vocab_size": 3}"#)
    let kept = try merge(base, [longer, untied]) { $0.method.vocabulary = .base }
    #expect(kept.model[embedding]?.floats == [10, 11, 12, 13])
    #expect(kept.model["lm_head.weight"]?.floats == [55, 56, 57, 58])
    #expect(kept.model.config == #"{"tie_word_embeddings": false, "vocab_size": 2}"#)
  }
}
