internal import SluiceArchitecture
internal import SluiceFormats
internal import SluiceRun

/// The page of two merges: which settings differ, which tensors, and by how much.
struct ComparisonPage {
  let first: ReportedMerge
  let second: ReportedMerge
  let paths: (first: String, second: String)

  /// A tensor of both merges.
  private struct Row {
    let name: String
    let isSame: Bool?
    let sizes: (first: Double?, second: Double?)
    let kept: (first: Double?, second: Double?)

    /// How far the sizes of what was added are apart, beside the larger of them.
    var difference: Double? {
      guard let a = sizes.first, let b = sizes.second else { return nil }
      return max(a, b) > 0 ? (b - a) / max(a, b) : 0
    }
  }

  /// The bytes of the page.
  var text: [UInt8] {
    let rows = rows
    let settings = settings
    return Page.text(title: "sluice: two merges") { page in
      page.element("header") { page in
        page.element("h1", text: sentence(rows, settings.count))
        page.element("p", ["class": "lead"], text: "A: \(paths.first). B: \(paths.second).")
      }
      page.section("Settings that differ", "All others are equal.") { page in
        if settings.isEmpty { return page.note("None.") }
        page.table(Picture.Table(head: ["setting", "A", "B"], rows: settings))
      }
      page.section(
        "Layers that differ", "By the size of what was added to the base's weights, B beside A."
      ) { page in
        page.row([picture(rows)].compactMap(\.self), id: "difference")
        let changed = rows.filter { $0.isSame != true }
        guard !changed.isEmpty else { return page.note("None.") }
        page.table(table(changed))
      }
      page.element("footer", text: "Made by sluice report. The page needs nothing but itself.")
    }
  }

  private func sentence(_ rows: [Row], _ settingCount: Int) -> String {
    let known = rows.filter { $0.isSame != nil }
    let same = known.count { $0.isSame == true }
    let settings = settingCount == 1 ? "1 setting differs" : "\(settingCount) settings differ"
    if known.isEmpty { return "\(settings); the merges have no tensor in common" }
    if same == known.count { return "\(settings); all \(same) tensors have the same bytes" }
    let largest = rows.compactMap { row in row.difference.map { (row.name, $0) } }.max {
      $0.1.magnitude < $1.1.magnitude
    }
    var text = "\(settings); \(same) of \(known.count) tensors have the same bytes"
    if let largest, largest.1 != 0 {
      text += "; \(largest.0) differs most, by \(Numbers.share(largest.1.magnitude))"
    }
    return text
  }

  /// Names and both values of what was asked for, where these differ.
  private var settings: [[String]] {
    var (left, right) = (ComparisonPage.settings(first), ComparisonPage.settings(second))
    let names = Set(left.keys).union(right.keys).sorted { NaturalOrder.isOrderedBefore($0, $1) }
    return names.compactMap { name in
      let (a, b) = (left.removeValue(forKey: name) ?? "-", right.removeValue(forKey: name) ?? "-")
      return a == b ? nil : [name, a, b]
    }
  }

  private static func settings(_ facts: ReportedMerge) -> [String: String] {
    var settings = facts.recipe.mapValues { $0.words }
    settings["models"] = PageHead.list(facts.models.map(\.name))
    settings["sluice"] = facts.sluice
    for model in facts.models {
      settings["\(model.name): path"] = model.path
      settings["\(model.name): weight"] = Numbers.factor(model.weight)
      settings["\(model.name): factors"] =
        model.factors.map(Numbers.factor).joined(separator: ", ")
      settings["\(model.name): requested rate"] = Numbers.percent(model.requestedRate)
    }
    return settings
  }

  private var rows: [Row] {
    func sizes(_ facts: ReportedMerge) -> [String: ReportedChange] {
      Dictionary(facts.changes.map { ($0.name, $0) }) { first, _ in first }
    }
    func kept(_ change: ReportedChange?) -> Double? {
      guard let change, !change.models.isEmpty else { return nil }
      return change.models.reduce(0) { $0 + $1.keptShare } / Double(change.models.count)
    }
    let (left, right) = (sizes(first), sizes(second))
    let names = Set(left.keys).union(right.keys).union(first.hashes.keys).union(second.hashes.keys)
    return names.sorted { NaturalOrder.isOrderedBefore($0, $1) }.map { name in
      let (a, b) = (first.hashes[name], second.hashes[name])
      return Row(
        name: name, isSame: a == nil || b == nil ? nil : a == b,
        sizes: (left[name]?.relativeMerged, right[name]?.relativeMerged),
        kept: (kept(left[name]), kept(right[name])))
    }
  }

  private func table(_ rows: [Row]) -> Picture.Table {
    Picture.Table(
      head: [
        "tensor", "bytes", "A: changed by", "B: changed by", "difference", "A: kept", "B: kept",
      ],
      rows: rows.sorted {
        ($0.difference?.magnitude ?? -1) > ($1.difference?.magnitude ?? -1)
      }.map { row in
        [
          row.name, row.isSame.map { $0 ? "same" : "differ" } ?? "in one only",
          Numbers.share(row.sizes.first), Numbers.share(row.sizes.second),
          row.difference.map { ($0 > 0 ? "+" : "") + Numbers.share($0) } ?? "-",
          Numbers.share(row.kept.first), Numbers.share(row.kept.second),
        ]
      })
  }

  /// Where the merges differ: blocks downwards, kinds sideways.
  private func picture(_ rows: [Row]) -> Picture? {
    let known = Dictionary(rows.map { ($0.name, $0) }) { first, _ in first }
    let layers = first.changes.filter { $0.isLinear && !$0.block.isEmpty }
    let blocks = Set(layers.map(\.block)).sorted { NaturalOrder.isOrderedBefore($0, $1) }
    let linears = Set(layers.map(\.linear)).sorted()
    guard HeatMap.isDrawable(rows: blocks.count, columns: linears.count) else { return nil }
    // Of experts of one kind the one that differs most.
    let cells = blocks.map { block in
      linears.map { linear in
        layers.filter { $0.block == block && $0.linear == linear }
          .compactMap { known[$0.name]?.difference }.max { $0.magnitude < $1.magnitude }
      }
    }
    guard let most = cells.joined().compactMap({ $0?.magnitude }).max() else { return nil }
    let map = HeatMap(
      cells: cells, rowNames: blocks.map(LayerPictures.number),
      columnNames: LinearName.short(linears), isSigned: true,
      range: -max(most, 1e-12)...max(most, 1e-12), format: { Numbers.share($0) },
      cellTitle: { "\(blocks[$0]), \(linears[$1])" })
    return Picture(
      title: "Difference in size",
      description:
        "How far the sizes of what A and B add to \(blocks.count) blocks are apart, at most "
        + "\(Numbers.share(most)). Blocks run downwards, kinds of layers sideways.",
      caption: "The first colour where B changes a layer more, the second where A does.",
      height: map.height, table: nil, draw: map.draw)
  }
}

extension JSONTree {
  /// The value in words.
  fileprivate var words: String {
    switch self {
    case .list(let list): list.map(\.words).joined(separator: ", ")
    case .map(let map):
      map.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.words)" }.joined(separator: ", ")
    case .scalar(let scalar):
      switch scalar {
      case .string(let text): text
      case .bool(let isOn): isOn ? "on" : "off"
      case .integer(let number): "\(number)"
      case .unsignedInteger(let number): "\(number)"
      case .double(let number): "\(number)"
      case .float(let number): "\(number)"
      case .null: "-"
      }
    }
  }
}
