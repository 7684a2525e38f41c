internal import SluiceFormats
internal import SluiceRun

/// Pictures of rates and of what partitions keep.
struct RatePictures {
  let facts: ReportedMerge

  /// Rates asked for, assigned and achieved, model by model.
  func models() -> Picture? {
    let models = facts.models.filter { $0.achievedRate != nil }
    guard !models.isEmpty else { return nil }
    let asked = models.compactMap(\.requestedRate)
    // Rates differ by hundredths of a percent: that is in the note, the bar says how much is left.
    let drawing = Bars(
      bars: models.map { model in
        Bars.Bar(
          name: model.name, note: "achieved \(Numbers.percent(model.achievedRate))",
          parts: [
            Bars.Part(
              value: model.achievedRate ?? 0,
              text: "pruned \(Numbers.percent(model.achievedRate))")
          ])
      }, partNames: ["share of deltas pruned"], whole: 1,
      marks: Set(asked).sorted().map { ($0, "asked for \(Numbers.percent($0))") })
    return Picture(
      title: "Rates asked for and achieved",
      description: models.map {
        "\($0.name): asked for \(Numbers.percent($0.requestedRate)), achieved \(Numbers.percent($0.achievedRate))"
      }.joined(separator: "; ") + ".",
      caption:
        "Of the deltas of linear layers. More is pruned than asked for where deltas are zero anyway; the rates "
        + "assigned differ from those asked for where they were clamped.",
      height: drawing.height,
      table: Picture.Table(
        head: ["model", "asked", "assigned", "achieved", "kept"],
        rows: models.map { model in
          [
            model.name, Numbers.percent(model.requestedRate), Numbers.percent(model.assignedRate),
            Numbers.percent(model.achievedRate),
            Numbers.grouped(model.layers.reduce(0) { $0 + $1.keptInAll }),
          ]
        }), draw: drawing.draw)
  }

  /// The largest share that any model keeps of a block.
  var most: Double {
    var most = 0.0
    for model in facts.models {
      for layers in Dictionary(grouping: model.layers, by: \.block).values {
        let kept: Double = layers.reduce(0) { $0 + $1.keptInAll }
        let elements: Double = layers.reduce(0) { $0 + $1.elements }
        most = max(most, kept / max(1, elements))
      }
    }
    return most
  }

  /// What each partition keeps of each block.
  ///
  /// - Parameters:
  ///   - model: The model.
  ///   - most: The end of the scale, which all models share.
  /// - Returns: The picture; nil if there is too much to be drawn.
  func partitions(_ model: ReportedMerge.Model, most: Double) -> Picture? {
    let blocks = Dictionary(grouping: model.layers, by: \.block)
    let partitions = model.layers.map(\.kept.count).max() ?? 0
    guard !blocks.isEmpty, (1...16).contains(partitions), blocks.count <= HeatMap.rowLimit else {
      return nil
    }
    let names = blocks.keys.sorted { NaturalOrder.isOrderedBefore($0, $1) }
    let kept = names.map { name in
      let layers = blocks[name] ?? []
      let elements = max(1, layers.reduce(0) { $0 + $1.elements })
      return (0..<partitions).map { partition in
        layers.reduce(0) { $0 + (partition < $1.kept.count ? $1.kept[partition] : 0) } / elements
      }
    }
    let own = kept.map { $0.reduce(0, +) }.max() ?? 0
    let labels = (0..<partitions).map { partition in
      let rate =
        partition < facts.partitionRates.count
        ? Numbers.percent(facts.partitionRates[partition], 0) : "\(partition + 1)"
      let factor =
        partition < model.factors.count
        ? ", factor \(Numbers.factor(model.factors[partition]))" : ""
      return "partition \(rate)\(factor)"
    }
    let drawing = ColumnBars(
      columns: kept, names: names.map(LayerPictures.number), titles: names, partNames: labels,
      top: max(most, own))
    return Picture(
      title: "\(model.name): kept by block and partition",
      description:
        "Share of deltas kept in \(names.count) blocks, in \(partitions) partitions on top of each "
        + "other; at most \(Numbers.percent(own)).",
      caption:
        "Each column is a block; partitions from the most severe upwards, with the factors that amplified "
        + "them.",
      height: drawing.height,
      table: Picture.Table(
        head: ["block"] + labels,
        rows: zip(names, kept).map { [$0] + $1.map { Numbers.percent($0) } }), draw: drawing.draw)
  }
}
