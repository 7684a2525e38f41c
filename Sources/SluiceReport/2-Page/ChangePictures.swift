internal import SluiceArchitecture
internal import SluiceFormats
internal import SluiceRun

/// Pictures of how linear layers were changed: blocks downwards, kinds sideways, all models on one scale.
struct ChangePictures {
  private let facts: ReportedMerge
  private let blocks: [String]
  private let linears: [String]
  /// The layers of a block and kind: one, or those of all experts.
  private let groups: [[String]: [ReportedChange]]

  init(_ facts: ReportedMerge) {
    self.facts = facts
    let layers = facts.changes.filter { $0.isLinear && !$0.block.isEmpty }
    groups = Dictionary(grouping: layers) { [$0.block, $0.linear] }
    blocks = Set(layers.map(\.block)).sorted { NaturalOrder.isOrderedBefore($0, $1) }
    linears = Set(layers.map(\.linear)).sorted()
  }

  /// A figure of a layer.
  private struct Figure {
    let title: String
    let caption: String
    let isSigned: Bool
    /// Where the scale ends at least, so that what is next to nothing looks like it.
    var least = 0.0
    let value: (ReportedChange) -> Double?
  }

  private var models: Range<Int> { facts.models.indices }
  private func name(_ model: Int) -> String { facts.models[model].name }

  /// Pairs of models, as many as can be told apart in pictures.
  var pairs: [(first: Int, second: Int)] {
    models.flatMap { second in (0..<second).map { ($0, second) } }
  }

  /// How large each model's change is.
  var sizes: [Picture] {
    pictures(
      models.map { model in
        Figure(
          title: "\(name(model)): size of the change",
          caption: "Size of the deltas, as they came, beside that of the base's weights.",
          isSigned: false, value: { $0.relative(model) })
      })
  }

  /// How models agree, pair by pair.
  var agreements: [Picture] {
    let pairs = pairs.prefix(3)
    return pictures(
      pairs.map { pair in
        Figure(
          title: "\(name(pair.first)) and \(name(pair.second)): direction",
          caption:
            "Cosine of the models' changes: 1 is the same direction, 0 unrelated, -1 opposite.",
          isSigned: true, least: 0.25, value: { $0.pair(pair.first, pair.second)?.cosine })
      })
      + shares(
        pairs, "same sign", "Of the elements that both change, the share changed with one sign."
      ) { $0.sameSign }
      + shares(
        pairs, "overlap", "Of the elements that one of them keeps, the share that both keep."
      ) { $0.overlap }
      + shares(
        pairs, "conflicts",
        "Of the elements that one of them keeps, the share kept with both signs."
      ) { $0.conflict }
  }

  private func shares(
    _ pairs: ArraySlice<(first: Int, second: Int)>, _ what: String, _ caption: String,
    _ value: @escaping (ReportedChange.Pair) -> Double?
  ) -> [Picture] {
    pictures(
      pairs.map { pair in
        Figure(
          title: "\(name(pair.first)) and \(name(pair.second)): \(what)", caption: caption,
          isSigned: false, least: 0.1, value: { $0.pair(pair.first, pair.second).flatMap(value) })
      })
  }

  /// How much of each model is in the merged one.
  var inheritance: [Picture] {
    pictures(
      models.map { model in
        Figure(
          title: "\(name(model)) in the merged model: direction",
          caption: "Cosine of what was added to the base with this model's change.",
          isSigned: true, least: 1, value: { $0.model(model)?.cosine })
      })
      + pictures(
        models.map { model in
          Figure(
            title: "\(name(model)) in the merged model: amount",
            caption: "How many times this model's change is in what was added: 1 is all of it.",
            isSigned: true, least: 1, value: { $0.model(model)?.inherited })
        })
  }

  /// Pictures of one figure for several models, on one scale that begins at zero.
  private func pictures(_ figures: [Figure]) -> [Picture] {
    guard HeatMap.isDrawable(rows: blocks.count, columns: linears.count) else { return [] }
    let cells = figures.map { figure in
      blocks.map { block in linears.map { mean(figure.value, groups[[block, $0]] ?? []) } }
    }
    let known = cells.joined().joined().compactMap(\.self)
    guard let largest = known.map(\.magnitude).max() else { return [] }
    let most = max(largest, figures[0].least)
    let isSigned = figures.contains { $0.isSigned } && known.contains { $0 < 0 }
    let format = { (value: Double) -> String in
      figures[0].isSigned ? Numbers.fixed(value, 3) : Numbers.share(value)
    }
    return zip(figures, cells).map { figure, cells in
      let (blocks, linears) = (blocks, linears)
      let map = HeatMap(
        cells: cells, rowNames: blocks.map(LayerPictures.number),
        columnNames: LinearName.short(linears), isSigned: isSigned,
        range: (isSigned ? -most : 0)...(most > 0 ? most : 1), format: format,
        cellTitle: { "\(blocks[$0]), \(linears[$1])" })
      let own = cells.joined().compactMap(\.self)
      return Picture(
        title: figure.title,
        description: "Of \(own.count) kinds of layers in \(blocks.count) blocks, from "
          + "\(format(own.min() ?? 0)) to \(format(own.max() ?? 0)); blocks run downwards, kinds sideways.",
        caption: figure.caption, height: map.height, table: nil, draw: map.draw)
    }
  }

  /// The mean over experts of one kind, each by its size.
  private func mean(
    _ value: (ReportedChange) -> Double?, _ layers: [ReportedChange]
  ) -> Double? {
    guard layers.count > 1 else { return layers.first.flatMap(value) }
    let known = layers.compactMap { layer in value(layer).map { (layer.elements, $0) } }
    let elements = known.reduce(0) { $0 + $1.0 }
    return elements > 0 ? known.reduce(0) { $0 + $1.0 * $1.1 } / elements : nil
  }
}

extension Numbers {
  /// A share with three digits that mean something: `12.3 %`, `0.0457 %`.
  static func share(_ value: Double) -> String {
    let size = value.magnitude * 100
    return percent(value, size >= 10 ? 1 : size >= 1 ? 2 : size >= 0.1 ? 3 : size > 0 ? 4 : 0)
  }

  /// The same of a share that may be missing.
  static func share(_ value: Double?) -> String { value.map { share($0) } ?? "-" }
}
