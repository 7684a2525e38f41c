internal import Foundation

/// A decoder as its formulas say, in Double, one token after the other: nothing is shared with the product.
package struct ReferenceDecoder {
  /// What a family's layer does, as far as the reference knows it: that of Llama, with biases, windows, and
  /// norms of heads.
  package struct Sizes: Sendable {
    /// Sizes, as configs call them.
    package var width: Int, layers: Int, heads: Int, keyHeads: Int, headWidth: Int, vocabulary: Int
    /// How far tokens look back.
    package var window: Int?
    /// What is added to mean squares, and the base of the frequencies.
    package var epsilon: Double, base: Double

    /// Describes sizes.
    package init(
      width: Int, layers: Int, heads: Int, keyHeads: Int, headWidth: Int, vocabulary: Int,
      window: Int? = nil, epsilon: Double = 1e-5, base: Double = 10_000
    ) {
      (self.width, self.layers, self.heads, self.keyHeads) = (width, layers, heads, keyHeads)
      (self.headWidth, self.vocabulary, self.window) = (headWidth, vocabulary, window)
      (self.epsilon, self.base) = (epsilon, base)
    }
  }

  private let sizes: Sizes
  private let tensors: [String: [Double]]

  /// Prepares a model.
  package init(_ model: TinyModel, _ sizes: Sizes) {
    self.sizes = sizes
    tensors = Dictionary(
      uniqueKeysWithValues: model.tensors.map { ($0.name, ($0.floats ?? []).map(Double.init)) })
  }

  private func linear(_ name: String, _ x: [Double]) -> [Double] {
    let weight = tensors["\(name).weight"] ?? []
    let bias = tensors["\(name).bias"]
    return (0..<weight.count / x.count).map { row in
      var sum = bias?[row] ?? 0
      for column in x.indices { sum += weight[row * x.count + column] * x[column] }
      return sum
    }
  }

  private func norm(_ name: String, _ x: [Double]) -> [Double] {
    guard let gain = tensors["\(name).weight"] else { return x }
    var squares = 0.0
    for value in x { squares += value * value }
    let root = (squares / Double(x.count) + sizes.epsilon).squareRoot()
    return x.indices.map { x[$0] / root * gain[$0] }
  }

  private func turned(_ head: [Double], _ position: Int) -> [Double] {
    let half = head.count / 2
    return head.indices.map { index in
      let angle =
        Double(position) / pow(sizes.base, Double(2 * (index % half)) / Double(head.count))
      return index < half
        ? head[index] * cos(angle) - head[index + half] * sin(angle)
        : head[index] * cos(angle) + head[index - half] * sin(angle)
    }
  }

  private func heads(_ x: [Double], _ norm: String?, _ position: Int) -> [[Double]] {
    stride(from: 0, to: x.count, by: sizes.headWidth).map { start in
      let head = Array(x[start..<start + sizes.headWidth])
      return norm.map { turned(self.norm($0, head), position) } ?? head
    }
  }

  private func answer(
    _ query: [Double], _ seen: ClosedRange<Int>, _ keys: [[[Double]]], _ values: [[[Double]]],
    head: Int
  ) -> [Double] {
    var answer = [Double](repeating: 0, count: query.count)
    var sum = 0.0
    for other in seen {
      var product = 0.0
      for index in query.indices { product += query[index] * keys[other][head][index] }
      let share = exp(product / Double(sizes.headWidth).squareRoot())
      sum += share
      for index in query.indices { answer[index] += share * values[other][head][index] }
    }
    return answer.map { $0 / sum }
  }

  /// The logits behind each token.
  package func logits(_ tokens: [Int32]) -> [[Double]] {
    let embedding = tensors["model.embed_tokens.weight"] ?? []
    var states = tokens.map { token in
      Array(embedding[Int(token) * sizes.width..<(Int(token) + 1) * sizes.width])
    }
    for layer in 0..<sizes.layers {
      let name = "model.layers.\(layer)"
      let x = states.map { norm("\(name).input_layernorm", $0) }
      let at = "\(name).self_attn"
      let queries = x.indices.map { heads(linear("\(at).q_proj", x[$0]), "\(at).q_norm", $0) }
      let keys = x.indices.map { heads(linear("\(at).k_proj", x[$0]), "\(at).k_norm", $0) }
      let values = x.indices.map { heads(linear("\(at).v_proj", x[$0]), nil, $0) }
      for position in states.indices {
        let first = max(0, position + 1 - (sizes.window ?? .max))
        let answers = (0..<sizes.heads).flatMap { head -> [Double] in
          let own = head / (sizes.heads / sizes.keyHeads)
          return answer(queries[position][head], first...position, keys, values, head: own)
        }
        states[position] = zip(states[position], linear("\(at).o_proj", answers)).map(+)
        let y = norm("\(name).post_attention_layernorm", states[position])
        let gates = linear("\(name).mlp.gate_proj", y)
        let ups = linear("\(name).mlp.up_proj", y)
        let inner = gates.indices.map { gates[$0] / (1 + exp(-gates[$0])) * ups[$0] }
        states[position] = zip(states[position], linear("\(name).mlp.down_proj", inner)).map(+)
      }
    }
    return states.map { linear("lm_head", norm("model.norm", $0)) }
  }
}
