internal import SluiceCore

/// Rows of dots, each on a line of its own from zero to the largest: the same figure of several things.
struct DotRows {
  /// A row, with a value for each thing.
  struct Row {
    let name: String
    let values: [Double?]
  }

  let rows: [Row]
  /// The things; the i-th is drawn in colour i.
  let names: [String]
  /// A value as it is written.
  let format: (Double) -> String

  private let step = 38.0
  private var legendRows: Int { (names.count + 1) / 2 }

  /// The height of the drawing.
  var height: Double { Double(rows.count) * step + Double(legendRows) * 16 + 12 }

  /// Draws lines, dots and names.
  func draw(_ svg: inout Markup) {
    let (left, right) = (8.0, Picture.width - 8)
    for (index, row) in rows.enumerated() {
      let y = Double(index) * step + 24
      let most = max(row.values.compactMap(\.self).max() ?? 0, 1e-300)
      let name = row.name.printable
      svg.label(name.count > 40 ? name.prefix(37) + "..." : name, x: 2, y: y - 11)
      svg.label(format(most), x: Picture.width - 2, y: y - 11, anchor: "end", style: "quiet")
      svg.line(left, y, right, y, style: "grid")
      for (position, value) in row.values.enumerated() {
        guard let value else { continue }
        let x = left + max(0, min(value / most, 1)) * (right - left)
        svg.element(
          "circle",
          [
            "class": "part\(position % 5)", "cx": Numbers.point(x), "cy": Numbers.point(y),
            "r": position == row.values.count - 1 ? "6.5" : "4.5",
          ]
        ) { $0.element("title", text: "\(names[position]): \(format(value))") }
      }
    }
    let top = Double(rows.count) * step + 6
    for (index, name) in names.enumerated() {
      let (column, row) = (Double(index % 2), Double(index / 2))
      let y = top + row * 16
      svg.rectangle(x: 2 + column * 180, y: y, width: 10, height: 10, style: "part\(index % 5)")
      let name = name.printable
      svg.label(name.count > 24 ? name.prefix(21) + "..." : name, x: 17 + column * 180, y: y + 9)
    }
  }
}
