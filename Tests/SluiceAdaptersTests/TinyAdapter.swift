import SluiceCore
import SluiceFormats
import SluiceKernels
import SluiceStages
import SluiceTestSupport
import Testing

@testable import SluiceAdapters

/// Numbers that are the same in every run, all of them short enough to be exact in BF16.
func noise(_ count: Int, seed: UInt64) -> [Double] {
  var generator = RepeatableGenerator(seed: seed)
  return (0..<count).map { _ in Double(Int(generator.next() >> 56) - 128) / 256 }
}

/// An adapter and the base that it belongs to, on disk.
struct TinyAdapter {
  var config: [String] = [#""peft_type": "LORA""#]
  var tensors: [TinyTensor] = []
  var base: [TinyTensor] = []

  /// A tensor of noise.
  mutating func add(_ name: String, _ shape: [Int], dtype: DType = .f32) {
    let count = shape.reduce(1, *)
    tensors.append(
      TinyTensor(
        "base_model.model.\(name)", dtype, shape,
        values: noise(count, seed: UInt64(100 + tensors.count))))
  }

  mutating func addBase(_ name: String, _ shape: [Int], dtype: DType = .f32) {
    let count = shape.reduce(1, *)
    base.append(
      TinyTensor(name, dtype, shape, values: noise(count, seed: UInt64(1 + base.count))))
  }

  /// The elements of a tensor of the adapter.
  func values(_ name: String) -> [Float] {
    tensors.first { $0.name == "base_model.model.\(name)" }?.floats ?? []
  }

  func open(in scratch: ScratchDirectory) throws -> Adapter {
    try scratch.write("{\(config.joined(separator: ", "))}", to: "adapter/adapter_config.json")
    try scratch.write(
      TinyModel.safetensors(tensors), to: "adapter/adapter_model.safetensors")
    return try Adapter.open(scratch("adapter"))
  }

  func match(in scratch: ScratchDirectory, _ use: AdapterUse = AdapterUse()) throws -> AdapterMatch
  {
    try AdapterMatcher.match(try open(in: scratch), use) { name in
      base.first { $0.name == name }.map { BaseTensor(shape: $0.shape, dtype: $0.dtype) }
    }
  }

  /// The deltas of a tensor of the base, computed in runs of some length.
  func deltas(
    of name: String, _ use: AdapterUse = AdapterUse(), room: FactorRoom? = nil,
    runLength: Int = .max, kernels: Kernels = .best
  ) throws -> [Float] {
    let scratch = try ScratchDirectory()
    let match = try match(in: scratch, use)
    try scratch.write(TinyModel.safetensors(base), to: "base.safetensors")
    let file = try WeightFile.open(scratch("base.safetensors"), as: .safetensors)
    let entry = try #require(file.tensors.first { $0.name == name })
    let tensor = AdapterTensor(
      name: name, terms: match.terms[name] ?? [],
      ground: TensorSource(file: 0, dtype: entry.dtype, byteRange: entry.byteRange))
    let count = entry.shape.elementCount
    let needed = FactorNeed([tensor]).room(chunkElements: count, limit: 1 << 20)
    let room = try #require(room ?? needed)
    let lane = AdapterDeltas([tensor], files: [file.input], room: room).makeLane(kernels: kernels)
    let bytes = try #require(base.first { $0.name == name }).bytes
    var result = [Float](repeating: .nan, count: count)
    for start in stride(from: 0, to: count, by: min(runLength, count)) {
      let elements = start..<min(start + min(runLength, count), count)
      let width = try #require(entry.dtype.byteCount)
      let part = Array(bytes[elements.lowerBound * width..<elements.upperBound * width])
      try part.withUnsafeBytes { bytes in
        let ground = ChunkRun(bytes, entry.dtype, elementCount: elements.count)
        try result.withUnsafeMutableBufferPointer { target in
          let first = try #require(target.baseAddress) + elements.lowerBound
          _ = try lane.compute(0, elements, ground: ground, into: first)
        }
      }
    }
    return result
  }

  static func linear(rank: Int = 7, rows: Int = 33, columns: Int = 65) -> TinyAdapter {
    var tiny = TinyAdapter()
    tiny.config += ["\"r\": \(rank)", #""lora_alpha": 5"#]
    tiny.add("h.0.q.lora_A.weight", [rank, columns])
    tiny.add("h.0.q.lora_B.weight", [rows, rank])
    tiny.addBase("h.0.q.weight", [rows, columns])
    return tiny
  }
}

func transposed(_ values: [Float], columns: Int) -> [Float] {
  (0..<columns).flatMap { column in
    stride(from: column, to: values.count, by: columns).map { values[$0] }
  }
}
