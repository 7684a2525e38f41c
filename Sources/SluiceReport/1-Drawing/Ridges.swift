/// Curves one below the other, each filled down to its own line: the shape of a distribution, row by row.
struct Ridges {
  /// The most rows that are drawn.
  static let rowLimit = 160

  /// The heights of each row, from left to right.
  let rows: [[Double]]
  let names: [String]
  let titles: [String]
  /// The height that reaches over the row above.
  let top: Double
  /// Names of places from left to right, in steps of the heights.
  let ticks: [(place: Double, name: String)]

  private static let (left, right, bottom) = (34.0, 8.0, 26.0)
  private var step: Double { max(6, min(24, 420 / Double(max(rows.count, 1)))) }
  private var reach: Double { step * (rows.count > 1 ? 1.9 : 4) }

  /// The height of the drawing.
  var height: Double { reach + Double(max(rows.count - 1, 0)) * step + Ridges.bottom + 4 }

  private func base(of row: Int) -> Double { 4 + reach + Double(row) * step }

  private func x(_ place: Double) -> Double {
    let count = Double(max(rows.first?.count ?? 1, 1))
    return Ridges.left + place / count * (Picture.width - Ridges.left - Ridges.right)
  }

  /// Draws the curves, the names and the scale.
  func draw(_ svg: inout Markup) {
    let last = base(of: rows.count - 1)
    for tick in ticks {
      svg.line(x(tick.place), 4, x(tick.place), last + 3, style: "grid")
      svg.label(tick.name, x: x(tick.place), y: last + 16, anchor: "middle")
    }
    let every = max(1, Int((12 / step).rounded(.up)))
    for (row, values) in rows.enumerated() {
      let y = base(of: row)
      if row % every == 0 {
        svg.label(names[row], x: Ridges.left - 5, y: y + 1, anchor: "end")
      }
      svg.element("path", ["class": "ridge", "d": outline(values, y)]) {
        $0.element("title", text: titles[row])
      }
      svg.newLine()
    }
  }

  /// The curve over the middles of the classes, from the line and back to it.
  private func outline(_ values: [Double], _ y: Double) -> String {
    guard let first = values.firstIndex(where: { $0 > 0 }),
      let end = values.lastIndex(where: { $0 > 0 })
    else { return "M\(Numbers.point(x(0))) \(Numbers.point(y))H\(Numbers.point(x(1)))" }
    var text = "M\(Numbers.point(x(max(0, Double(first) - 0.5)))) \(Numbers.point(y))"
    for place in first...end {
      let height = min(1, values[place] / max(top, 1e-300)) * reach
      text += "L\(Numbers.point(x(Double(place) + 0.5))) \(Numbers.point(y - height))"
    }
    let right = min(Double(end) + 1.5, Double(values.count))
    return text + "L\(Numbers.point(x(right))) \(Numbers.point(y))Z"
  }
}
