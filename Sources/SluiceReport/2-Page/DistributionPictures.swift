internal import SluiceCore
internal import SluiceFormats
internal import SluiceRun

/// Pictures of how large the deltas of linear layers are, block by block, all models on one scale.
struct DistributionPictures {
  private let facts: ReportedMerge
  private let blocks: [String]
  private let layers: [String: [ReportedChange]]

  init(_ facts: ReportedMerge) {
    self.facts = facts
    layers = Dictionary(grouping: facts.changes.filter { $0.isLinear && !$0.block.isEmpty }) {
      $0.block
    }
    blocks = layers.keys.sorted { NaturalOrder.isOrderedBefore($0, $1) }
  }

  /// The deltas of a model in a block: the share of each class of sizes, by its power of two.
  struct Sizes {
    var shares: [Int: Double] = [:]
    var zero = 0.0

    /// The size that a share of the deltas lies below, about: within a class sizes count as evenly spread.
    func quantile(_ share: Double) -> Double? {
      var sum = zero
      guard share > sum else { return 0 }
      for (power, own) in shares.sorted(by: { $0.key < $1.key }) where own > 0 {
        if sum + own >= share { return Sizes.power(power) * (1 + (share - sum) / own) }
        sum += own
      }
      return shares.keys.max().map { Sizes.power($0 + 1) }
    }

    static func power(_ exponent: Int) -> Double {
      Double(sign: .plus, exponent: exponent, significand: 1)
    }
  }

  /// Layers taken together, each by its elements.
  private func sizes(_ layers: [ReportedChange], _ model: Int) -> Sizes? {
    var sizes = Sizes()
    var (elements, counted) = (0.0, 0.0)
    for layer in layers {
      guard let own = layer.model(model), layer.measured > 0, !own.sizes.isEmpty else { continue }
      let weight = layer.elements / layer.measured
      elements += layer.elements
      for (index, count) in own.sizes.enumerated() {
        sizes.shares[own.firstSize + index, default: 0] += count * weight
        counted += count * weight
      }
    }
    guard elements > 0 else { return nil }
    for power in sizes.shares.keys { sizes.shares[power]? /= elements }
    sizes.zero = max(0, 1 - counted / elements)
    return sizes
  }

  /// One picture for each model.
  var pictures: [Picture] {
    guard (1...Ridges.rowLimit).contains(blocks.count) else { return [] }
    let models = facts.models.indices.map { model in
      blocks.map { sizes(layers[$0] ?? [], model) }
    }
    let known = models.joined().compactMap(\.self)
    let powers = known.flatMap { $0.shares.filter { $0.value > 1e-5 }.keys }
    guard let least = powers.min(), let most = powers.max() else { return [] }
    let top = known.flatMap(\.shares.values).max() ?? 1
    return zip(facts.models, models).compactMap { model, sizes in
      guard sizes.contains(where: { $0 != nil }) else { return nil }
      return picture(model.name, sizes.map { $0 ?? Sizes() }, least...most, top)
    }
  }

  private func picture(
    _ name: String, _ sizes: [Sizes], _ powers: ClosedRange<Int>, _ top: Double
  ) -> Picture {
    let drawing = Ridges(
      rows: sizes.map { own in powers.map { own.shares[$0] ?? 0 } },
      names: blocks.map(LayerPictures.number),
      titles: zip(blocks, sizes).map { block, own in
        "\(block): half below \(Numbers.size(own.quantile(0.5))), 99 % below "
          + "\(Numbers.size(own.quantile(0.99))), \(Numbers.share(own.zero)) zero"
      }, top: top, ticks: DistributionPictures.ticks(powers))
    let whole = self.sizes(
      blocks.flatMap { layers[$0] ?? [] }, facts.models.firstIndex { $0.name == name } ?? 0)
    return Picture(
      title: "\(name): sizes of the deltas",
      description:
        "How the sizes of the deltas of linear layers are spread in \(blocks.count) blocks, from "
        + "\(Numbers.size(Sizes.power(powers.lowerBound))) to \(Numbers.size(Sizes.power(powers.upperBound + 1))).",
      caption:
        "As they came, blocks downwards; the higher, the more deltas are about that large. One scale for all models."
        + (whole.map { " \(Numbers.share($0.zero)) are zero." } ?? ""),
      height: drawing.height,
      table: Picture.Table(
        head: ["block", "zero", "half below", "90 % below", "99 % below"],
        rows: zip(blocks, sizes).map { block, own in
          [block, Numbers.share(own.zero)]
            + [0.5, 0.9, 0.99].map { Numbers.size(own.quantile($0)) }
        }), draw: drawing.draw)
  }

  /// The powers of ten within the classes.
  private static func ticks(_ powers: ClosedRange<Int>) -> [(place: Double, name: String)] {
    let digits = 3.321928094887362
    return (-12...4).compactMap { exponent in
      let place = Double(exponent) * digits - Double(powers.lowerBound)
      guard place >= 0.3, place <= Double(powers.count) - 0.3 else { return nil }
      return (place, "1e\(exponent)")
    }
  }
}

extension Numbers {
  /// A size of weights: `3.1e-4`.
  static func size(_ value: Double?) -> String {
    guard let value, value.isFinite else { return "-" }
    guard value > 0 else { return "0" }
    var (digits, exponent) = (value, 0)
    while digits >= 9.95, exponent < 400 { (digits, exponent) = (digits / 10, exponent + 1) }
    while digits < 0.995, exponent > -400 { (digits, exponent) = (digits * 10, exponent - 1) }
    return "\(fixed(digits, 1))e\(exponent)"
  }
}
