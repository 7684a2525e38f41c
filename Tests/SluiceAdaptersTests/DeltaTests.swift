import SluiceCore
import SluiceKernels
import SluiceTestSupport
import Testing

@testable import SluiceAdapters

@Suite("Deltas of adapters") struct DeltaTests {
  private let levels = VectorLevel.allCases.compactMap { Kernels(level: $0) }

  @Test("A linear layer's delta is the product of its factors, however it is cut")
  func linear() throws {
    let tiny = TinyAdapter.linear()
    let expected = ScalarKernels.product(
      tiny.values("h.0.q.lora_B.weight"), tiny.values("h.0.q.lora_A.weight"), rank: 7,
      scale: Float(5.0 / 7))
    for kernels in levels {
      for room in [nil, FactorRoom(panelElements: 96, sumElements: 0, hasMagnitudes: false)] {
        for runLength in [Int.max, 1, 64, 65, 66, 200] {
          #expect(
            try tiny.deltas(of: "h.0.q.weight", room: room, runLength: runLength, kernels: kernels)
              == expected, "\(kernels.level.name) \(runLength)")
        }
      }
    }
  }

  @Test("Inputs x outputs take the transposed product")
  func transposedLinear() throws {
    var tiny = TinyAdapter.linear(rank: 3, rows: 40, columns: 24)
    let expected = ScalarKernels.product(
      tiny.values("h.0.q.lora_B.weight"), tiny.values("h.0.q.lora_A.weight"), rank: 3,
      scale: Float(5.0 / 3))
    tiny.base = []
    tiny.addBase("h.0.q.weight", [24, 40])
    #expect(
      try tiny.deltas(of: "h.0.q.weight", runLength: 100) == transposed(expected, columns: 24))
  }

  @Test("A square matrix lies as the config says, or as the others of the adapter do")
  func square() throws {
    var tiny = TinyAdapter.linear(rank: 2, rows: 12, columns: 12)
    let plain = ScalarKernels.product(
      tiny.values("h.0.q.lora_B.weight"), tiny.values("h.0.q.lora_A.weight"), rank: 2, scale: 2.5)
    #expect(try tiny.deltas(of: "h.0.q.weight") == plain)
    tiny.config.append(#""fan_in_fan_out": true"#)
    #expect(try tiny.deltas(of: "h.0.q.weight") == transposed(plain, columns: 12))
    tiny.add("h.0.k.lora_A.weight", [2, 12])
    tiny.add("h.0.k.lora_B.weight", [20, 2])
    tiny.addBase("h.0.k.weight", [20, 12])
    #expect(try tiny.deltas(of: "h.0.q.weight") == plain)
  }

  @Test("Embeddings take the transposed product, factors of 1 x 1 convolutions that of matrices")
  func embeddingsAndConvolutions() throws {
    var tiny = TinyAdapter()
    tiny.config += [#""r": 2"#, #""lora_alpha": 3"#]
    tiny.add("embed.lora_embedding_A", [2, 50])
    tiny.add("embed.lora_embedding_B", [8, 2])
    tiny.addBase("embed.weight", [50, 8])
    tiny.add("flat.lora_A.weight", [2, 6, 1, 1])
    tiny.add("flat.lora_B.weight", [10, 2, 1, 1])
    tiny.addBase("flat.weight", [10, 6, 1, 1])
    let embedding = ScalarKernels.product(
      tiny.values("embed.lora_embedding_B"), tiny.values("embed.lora_embedding_A"), rank: 2,
      scale: 1.5)
    #expect(
      try tiny.deltas(of: "embed.weight", runLength: 33) == transposed(embedding, columns: 50))
    let flat = ScalarKernels.product(
      tiny.values("flat.lora_B.weight"), tiny.values("flat.lora_A.weight"), rank: 2, scale: 1.5)
    #expect(try tiny.deltas(of: "flat.weight") == flat)
  }

  @Test(
    "Experts are unpacked as was said: stacked, transposed, or each by itself",
    arguments: ExpertPacking.allCases)
  func experts(packing: ExpertPacking) throws {
    let (count, rank, inputs, outputs) = (3, 2, 10, 8)
    var tiny = TinyAdapter()
    tiny.config += [
      #""r": 2"#, #""lora_alpha": 2"#, #""target_parameters": ["experts.gate_up_proj"]"#,
    ]
    tiny.add("h.0.experts.lora_A.weight", [count * rank, inputs])
    tiny.add("h.0.experts.lora_B.weight", [outputs, count * rank])
    let (a, b) = (
      tiny.values("h.0.experts.lora_A.weight"), tiny.values("h.0.experts.lora_B.weight")
    )
    let expected = (0..<count).map { expert -> [Float] in
      let right = Array(a[expert * rank * inputs..<(expert + 1) * rank * inputs])
      let left = (0..<outputs * rank).map { index -> Float in
        let (row, k) = (index / rank, index % rank)
        let column = packing == .peft ? k * count + expert : expert * rank + k
        return b[row * count * rank + column]
      }
      return ScalarKernels.product(left, right, rank: rank, scale: 1)
    }
    let use = AdapterUse(packing: packing)
    var stacked = tiny
    stacked.addBase("h.0.experts.gate_up_proj", [count, outputs, inputs])
    #expect(
      try stacked.deltas(of: "h.0.experts.gate_up_proj", use, runLength: 37)
        == expected.flatMap { $0 })
    var turned = tiny
    turned.addBase("h.0.experts.gate_up_proj", [count, inputs, outputs])
    #expect(
      try turned.deltas(of: "h.0.experts.gate_up_proj", use)
        == expected.flatMap { transposed($0, columns: inputs) })
    var separate = tiny
    for expert in 0..<count {
      for part in ["w1", "w3"] {
        separate.addBase("h.0.experts.\(expert).\(part).weight", [outputs / 2, inputs])
      }
    }
    for expert in 0..<count {
      let half = outputs / 2 * inputs
      #expect(
        try separate.deltas(of: "h.0.experts.\(expert).w1.weight", use)
          == Array(expected[expert][..<half]))
      #expect(
        try separate.deltas(of: "h.0.experts.\(expert).w3.weight", use)
          == Array(expected[expert][half...]))
    }
  }

  @Test("Biases, rows of tokens and whole tensors are taken as they are", arguments: [1.0, 0.5])
  func others(strength: Double) throws {
    var tiny = TinyAdapter.linear(rank: 2, rows: 6, columns: 5)
    tiny.config.append(#""trainable_token_indices": [3, 1]"#)
    tiny.add("h.0.q.lora_B.bias", [6])
    tiny.addBase("h.0.q.bias", [6])
    tiny.add("embed.token_adapter.trainable_tokens_delta", [2, 4])
    tiny.addBase("embed.weight", [5, 4])
    tiny.add("norm.weight", [9])
    tiny.addBase("norm.weight", [9])
    let use = AdapterUse(strength: strength)
    let bias = tiny.values("h.0.q.lora_B.bias").map { $0 * Float(2.5 * strength) }
    #expect(try tiny.deltas(of: "h.0.q.bias", use) == bias)
    let rows = tiny.values("embed.token_adapter.trainable_tokens_delta")
    let base = try #require(tiny.base.first { $0.name == "embed.weight" }?.floats)
    var expected = [Float](repeating: 0, count: 20)
    for (place, row) in [3, 1].enumerated() {
      for column in 0..<4 {
        let index = row * 4 + column
        expected[index] = (rows[place * 4 + column] - base[index]) * Float(strength)
      }
    }
    #expect(try tiny.deltas(of: "embed.weight", use, runLength: 3) == expected)
    let match = try tiny.match(in: ScratchDirectory(), use)
    #expect(match.saved.map(\.name) == (strength == 1 ? ["norm.weight"] : []))
    if strength != 1 {
      let base = try #require(tiny.base.first { $0.name == "norm.weight" }?.floats)
      #expect(
        try tiny.deltas(of: "norm.weight", use)
          == zip(tiny.values("norm.weight"), base).map { ($0 - $1) * 0.5 })
    }
  }

  @Test("Decomposed weights have the length that the adapter says", arguments: [false, true])
  func decomposed(isTransposed: Bool) throws {
    var tiny = TinyAdapter.linear(rank: 2, rows: 21, columns: 30)
    tiny.config.append(#""use_dora": true"#)
    tiny.add("h.0.q.lora_magnitude_vector", [21])
    if isTransposed {
      tiny.base = []
      tiny.addBase("h.0.q.weight", [30, 21])
    }
    let (rows, width) = isTransposed ? (30, 21) : (21, 30)
    let deltas = try tiny.deltas(of: "h.0.q.weight")
    for runLength in [1, 50, 64] {
      #expect(try tiny.deltas(of: "h.0.q.weight", runLength: runLength) == deltas)
    }
    let base = try #require(tiny.base[0].floats)
    let lengths = tiny.values("h.0.q.lora_magnitude_vector")
    for output in 0..<21 {
      let indices = (0..<30).map { isTransposed ? $0 * width + output : output * width + $0 }
      let squares = indices.map { index -> Double in
        let weight = Double(base[index]) + Double(deltas[index])
        return weight * weight
      }
      let length = squares.reduce(0, +).squareRoot()
      #expect(abs(length - Double(lengths[output]).magnitude) < 1e-6 * 30)
    }
    #expect(deltas.count == rows * width)
  }
}
