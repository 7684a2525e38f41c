internal import SluiceArchitecture
internal import SluiceCore
internal import SluiceFormats
internal import SluiceRun

/// Pictures of a model's linear layers: blocks downwards, kinds of layers sideways.
struct LayerPictures {
  private let model: ReportedMerge.Model
  private let blocks: [String]
  private let linears: [String]
  /// The layers of a block and kind: one, or those of all experts.
  private let groups: [[String]: [ReportedMerge.Layer]]

  init(_ model: ReportedMerge.Model) {
    self.model = model
    groups = Dictionary(grouping: model.layers) { [$0.block, $0.linear] }
    blocks = Set(model.layers.map(\.block)).sorted { NaturalOrder.isOrderedBefore($0, $1) }
    linears = Set(model.layers.map(\.linear)).sorted()
  }

  /// The number of a block, or its name where it has none.
  static func number(of block: String) -> String {
    let last = block.split(separator: ".").last.map(String.init) ?? block
    return last.allSatisfy { $0.isASCII && $0.isNumber } ? last : String(block.prefix(5))
  }

  /// Whether cells of pictures stand for several layers.
  var hasExperts: Bool { groups.values.contains { $0.count > 1 } }

  private var isDrawable: Bool {
    HeatMap.isDrawable(rows: blocks.count, columns: linears.count)
  }

  /// A field of numbers, or nil if there are too many to be seen.
  private func field(
    _ what: String, description: (String, String) -> String, caption: String,
    range: ClosedRange<Double>? = nil, _ value: @escaping (ReportedMerge.Layer) -> Double
  ) -> Picture? {
    guard isDrawable else { return nil }
    let (blocks, linears) = (blocks, linears)
    let cells = blocks.map { block in
      linears.map { linear -> Double? in
        guard let layers = groups[[block, linear]] else { return nil }
        let elements = layers.reduce(0) { $0 + $1.elements }
        // Experts of one kind share a cell, each by its size.
        guard elements > 0, layers.count > 1 else { return layers.first.map(value) }
        return layers.reduce(0) { $0 + value($1) * $1.elements } / elements
      }
    }
    let known = cells.joined().compactMap(\.self)
    guard let least = known.min(), let most = known.max() else { return nil }
    let map = HeatMap(
      cells: cells, rowNames: blocks.map(LayerPictures.number),
      columnNames: LinearName.short(linears), range: range ?? least...most,
      format: { Numbers.percent($0) }, cellTitle: { "\(blocks[$0]), \(linears[$1])" })
    let title = "\(model.name): \(what)"
    return Picture(
      title: title,
      description: description(Numbers.percent(least), Numbers.percent(most)), caption: caption,
      height: map.height,
      table: Picture.Table(
        head: ["block"] + LinearName.short(linears),
        rows: zip(blocks, cells).map { block, row in
          [block] + row.map { $0.map { Numbers.percent($0) } ?? "-" }
        }), draw: map.draw)
  }

  /// The significance of each layer: the paper's Figure 1.
  ///
  /// - Parameters:
  ///   - multiple: What counts as large, in means.
  ///   - most: The end of the scale, which all models share.
  /// - Returns: The picture; nil if there are too many layers.
  func significance(multiple: Double, most: Double) -> Picture? {
    field(
      "significance",
      description: { least, most in
        "Significance of \(model.layers.count) linear layers, from \(least) to \(most). Blocks run downwards, "
          + "kinds of layers sideways; a stronger colour is more significant."
      },
      caption:
        "Share of |delta| in those above \(Numbers.factor(multiple)) times their layer's mean; "
        + "blocks downwards. One scale for all models, from zero.",
      range: 0...(most > 0 ? most : 1), { $0.significance })
  }

  /// The rate of each layer.
  func rates() -> Picture? {
    field(
      "rate of each layer",
      description: { least, most in
        "Pruning rates of \(model.layers.count) linear layers, from \(least) to \(most); a stronger colour is pruned more."
      },
      caption:
        "Requested: \(Numbers.percent(model.requestedRate)) over all layers; what is kept is the rest. Blocks downwards.",
      range: 0...1, { $0.rate })
  }

  /// Every number of every layer.
  func table(_ partitionRates: [Double]) -> Picture.Table {
    let partitions = model.layers.map(\.kept.count).max() ?? 0
    let names = (0..<partitions).map { partition in
      partition < partitionRates.count
        ? "kept at \(Numbers.percent(partitionRates[partition], 0))" : "kept \(partition + 1)"
    }
    return Picture.Table(
      head: ["layer", "elements", "zero", "significance", "rate"] + names,
      rows: model.layers.sorted { NaturalOrder.isOrderedBefore($0.name, $1.name) }.map { layer in
        [
          layer.name, Numbers.grouped(layer.elements), Numbers.grouped(layer.zeros),
          Numbers.percent(layer.significance), Numbers.percent(layer.rate),
        ] + (0..<partitions).map { $0 < layer.kept.count ? Numbers.grouped(layer.kept[$0]) : "-" }
      })
  }
}
