internal import SluiceCore
internal import SluiceRun

/// Pictures of where in their matrices layers keep elements: the paper's Figure 3.
struct DimensionPictures {
  let counts: [DimensionCounts]
  let facts: ReportedMerge

  /// For each model one picture of rows and one of columns, on one scale.
  var pictures: [Picture] {
    facts.models.indices.flatMap { model in
      [picture(model, "rows (outputs)", \.rows), picture(model, "columns (inputs)", \.columns)]
        .compactMap(\.self)
    }
  }

  /// The largest share of any band: the end of the one scale.
  private var largest: Double {
    counts.flatMap(\.models).flatMap { $0.rows + $0.columns }.max() ?? 0
  }

  private func picture(
    _ model: Int, _ what: String, _ bands: KeyPath<DimensionCounts.Model, [Double]>
  ) -> Picture? {
    let most = counts.map { $0.models[model][keyPath: bands].count }.max() ?? 0
    guard HeatMap.isDrawable(rows: counts.count, columns: most) else { return nil }
    let cells: [[Double?]] = counts.map { count in
      let own = count.models[model][keyPath: bands]
      return (0..<most).map { $0 < own.count ? own[$0] : nil }
    }
    let known = cells.joined().compactMap(\.self)
    guard let least = known.min(), let greatest = known.max() else { return nil }
    let isRows = bands == \.rows
    let sizes = counts.map { isRows ? $0.rowCount : $0.columnCount }
    let counts = counts
    let map = HeatMap(
      cells: cells,
      // Layers of one kind are told apart by their block, others by their place in the table.
      rowNames: names,
      columnNames: (0..<most).map {
        $0 == 0 ? "first" : $0 == most - 1 ? "last of \(sizes.max() ?? 0)" : ""
      }, hasPositions: true, range: 0...(largest > 0 ? largest : 1),
      format: { Numbers.percent($0) },
      cellTitle: { row, band in
        let size = sizes[row]
        let first = (band * size + most - 1) / most
        let last = max(first, ((band + 1) * size + most - 1) / most - 1)
        return "\(counts[row].tensor), \(isRows ? "rows" : "columns") \(first) to \(last)"
      })
    return Picture(
      title: "\(facts.models[model].name): kept by \(what)",
      description: "Share of elements kept in bands of \(what) of \(counts.count) layers, from "
        + "\(Numbers.percent(least)) to \(Numbers.percent(greatest)). Layers run downwards, bands sideways.",
      caption:
        "Layers downwards, \(isRows ? "rows" : "columns") from the first to the last, in \(most) bands.",
      height: map.height,
      table: Picture.Table(
        head: ["layer (kept, %)"] + (1...most).map { "band \($0)" },
        rows: zip(counts, cells).map { count, row in
          [count.tensor] + row.map { $0.map { Numbers.fixed($0 * 100, 1) } ?? "" }
        }), draw: map.draw)
  }

  private var names: [String] {
    let blocks = counts.map { LayerPictures.number(of: $0.block) }
    return Set(blocks).count == blocks.count ? blocks : counts.indices.map { "\($0 + 1)" }
  }

  /// How often models contradict each other: what TIES has to decide.
  func conflicts() -> Picture? {
    guard facts.models.count > 1 else { return nil }
    let names = names
    let bars = counts.enumerated().map { index, count in
      let merged = Double(max(count.merged, 1))
      let (agreeing, conflicting) = (count.shared - count.conflicting, count.conflicting)
      return Bars.Bar(
        name: "layer \(names[index])",
        note: "\(Numbers.percent(Double(conflicting) / merged)) in conflict",
        parts: [
          Bars.Part(
            value: Double(count.merged - count.shared) / merged,
            text: "\(Numbers.grouped(Double(count.merged - count.shared))) kept by one model"),
          Bars.Part(
            value: Double(agreeing) / merged,
            text: "\(Numbers.grouped(Double(agreeing))) kept by several that agree"),
          Bars.Part(
            value: Double(conflicting) / merged,
            text: "\(Numbers.grouped(Double(conflicting))) kept by several that do not"),
        ])
    }
    // More bars than can be taken in at a glance are left to the table.
    let drawing = Bars(
      bars: Array(bars.prefix(48)),
      partNames: ["kept by one model", "by several, one sign", "by several, two signs"], whole: 1)
    let merged = counts.reduce(0) { $0 + $1.merged }
    let conflicting = counts.reduce(0) { $0 + $1.conflicting }
    let share = Numbers.percent(Double(conflicting) / Double(max(merged, 1)))
    return Picture(
      title: "Conflicts of signs",
      description: "Of \(merged) elements that some model changes in \(counts.count) layers, "
        + "\(conflicting) (\(share)) get both signs.",
      caption:
        "Of the elements that at least one model keeps: \(share) get both signs, and the election of "
        + "TIES drops one of them."
        + (bars.count > 48 ? " The first 48 layers are drawn." : ""),
      height: drawing.height,
      table: Picture.Table(
        head: ["layer", "kept by any", "by several", "in conflict"],
        rows: counts.map { count in
          [count.tensor]
            + [count.merged, count.shared, count.conflicting].map { Numbers.grouped(Double($0)) }
        }), draw: drawing.draw)
  }
}
