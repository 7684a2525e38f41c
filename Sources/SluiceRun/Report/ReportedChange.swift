internal import SluiceArchitecture
internal import SluiceFormats
internal import SluicePlan

/// How a merge changed a tensor, as its report has it.
///
/// Sizes are root mean squares of elements.
package struct ReportedChange {
  /// What became of a model's deltas.
  package struct Model {
    /// The size of the deltas as they came, and of what the stages left of them.
    package let change: Double
    package let keptChange: Double
    /// The shares of elements that are not zero.
    package let changed: Double
    package let keptShare: Double
    /// The cosine of what was added to the base with the model's deltas.
    package let cosine: Double?
    /// How many times the model's deltas are in what was added.
    package let inherited: Double?
    /// How many deltas that were looked at are at least as large as 2 to the power of `firstSize`, and below
    /// twice that; then of twice the size, and so on.
    package let firstSize: Int
    package let sizes: [Double]
  }

  /// How two models are alike.
  package struct Pair: Hashable {
    package let first: Int
    package let second: Int
    package let cosine: Double?
    package let sameSign: Double?
    package let overlap: Double?
    package let conflict: Double?
  }

  package let name: String
  /// The block; empty of what is in none.
  package let block: String
  package let linear: String
  package let isLinear: Bool
  package let elements: Double
  package let measured: Double
  package let base: Double
  package let merged: Double
  package let models: [Model]
  package let pairs: [Pair]

  init(_ tree: JSONTree) {
    func number(_ key: String) -> Double { max(0, tree[key]?.number ?? 0) }
    name = tree["name"]?.text ?? ""
    let block = BlockName.block(of: name)
    linear = LinearName.linear(of: name, block: block)
    // What is in no block is named as one.
    self.block = block == name ? "" : block
    isLinear = tree["role"]?.text == "linear"
    elements = number("elements")
    measured = number("measured")
    base = number("base")
    merged = number("merged")
    models = (tree["models"]?.list ?? []).map { model in
      func number(_ key: String) -> Double { max(0, model[key]?.number ?? 0) }
      return Model(
        change: number("change"), keptChange: number("keptChange"), changed: number("changed"),
        keptShare: number("keptShare"), cosine: model["cosine"]?.number,
        inherited: model["inherited"]?.number,
        firstSize: model["firstSize"]?.number.flatMap { Int(exactly: $0) }.map {
          max(-150, min($0, 128))
        }
          ?? 0,
        sizes: (model["sizes"]?.numbers ?? []).prefix(256).map { max(0, $0 ?? 0) })
    }
    pairs = (tree["pairs"]?.list ?? []).compactMap { pair in
      guard let first = pair["first"]?.number.flatMap({ Int(exactly: $0) }),
        let second = pair["second"]?.number.flatMap({ Int(exactly: $0) })
      else { return nil }
      return Pair(
        first: first, second: second, cosine: pair["cosine"]?.number,
        sameSign: pair["sameSign"]?.number, overlap: pair["overlap"]?.number,
        conflict: pair["conflict"]?.number)
    }
  }

  /// The size of a model's deltas beside that of the base's weights; nil where those are zero.
  package func relative(_ model: Int) -> Double? {
    model < models.count && base > 0 ? models[model].change / base : nil
  }

  /// The size of what was added beside that of the base's weights.
  package var relativeMerged: Double? { base > 0 ? merged / base : nil }

  /// A pair of models.
  package func pair(_ first: Int, _ second: Int) -> Pair? {
    pairs.first { $0.first == first && $0.second == second }
  }

  /// What became of a model's deltas.
  package func model(_ model: Int) -> Model? { model < models.count ? models[model] : nil }
}
