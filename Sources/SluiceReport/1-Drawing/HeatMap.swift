/// A field of cells, in a stronger colour where a number is larger.
struct HeatMap {
  /// The most rows and columns that are drawn.
  static let rowLimit = 512
  static let columnLimit = 96

  /// The numbers, row by row; nil where there is none.
  let cells: [[Double?]]
  let rowNames: [String]
  let columnNames: [String]
  /// Whether the columns are positions, of which only the first and last are named.
  var hasPositions = false
  /// Whether numbers below zero have a colour of their own, and only their size says how strong it is.
  var isSigned = false
  let range: ClosedRange<Double>
  /// A number as it is written.
  let format: (Double) -> String
  /// What a cell is about, for those who point at it.
  let cellTitle: (Int, Int) -> String

  private static let left = 34.0
  private static let legend = 40.0

  /// Whether there are few enough cells.
  static func isDrawable(rows: Int, columns: Int) -> Bool {
    (1...rowLimit).contains(rows) && (1...columnLimit).contains(columns)
  }

  private var top: Double {
    // Names stand at an angle above their columns.
    hasPositions ? 16 : min(120, 14 + 5.2 * Double(columnNames.map(\.count).max() ?? 0))
  }
  private var rowHeight: Double { max(5, min(18, 480 / Double(max(cells.count, 1)))) }

  /// The height of the drawing.
  var height: Double { top + Double(cells.count) * rowHeight + HeatMap.legend }

  /// Draws the cells, the names and the scale.
  func draw(_ svg: inout Markup) {
    // Room on the right for the name of the last column, which leans over.
    let right = hasPositions ? 4.0 : 30.0
    let columns = Double(max(columnNames.count, 1))
    let cellWidth = (Picture.width - HeatMap.left - right) / columns
    for (column, name) in columnNames.enumerated() {
      let x = HeatMap.left + (Double(column) + 0.5) * cellWidth
      if hasPositions {
        guard column == 0 || column == columnNames.count - 1 else { continue }
        svg.label(
          name, x: column == 0 ? HeatMap.left : Picture.width - right, y: top - 5,
          anchor: column == 0 ? "start" : "end")
      } else {
        svg.element(
          "text",
          [
            "class": "label",
            "transform": "translate(\(Numbers.point(x + 2)) \(Numbers.point(top - 5))) rotate(-50)",
          ], text: name)
      }
    }
    let every = max(1, Int((12 / rowHeight).rounded(.up)))
    for (row, values) in cells.enumerated() {
      let y = top + Double(row) * rowHeight
      if row % every == 0 {
        svg.label(
          rowNames[row], x: HeatMap.left - 5, y: y + rowHeight / 2 + 3.5, anchor: "end")
      }
      let size = (cellWidth - (cellWidth > 12 ? 1 : 0), rowHeight - (rowHeight > 9 ? 1 : 0))
      if hasPositions {
        drawBands(values, y: y, cellWidth: cellWidth, size, &svg)
      } else {
        drawCells(values, row: row, y: y, cellWidth: cellWidth, size, &svg)
      }
      svg.newLine()
    }
    drawScale(&svg)
  }

  /// Cells that say their number when they are pointed at, in few bytes: a page has thousands of them.
  private func drawCells(
    _ values: [Double?], row: Int, y: Double, cellWidth: Double, _ size: (Double, Double),
    _ svg: inout Markup
  ) {
    svg.element("g", ["class": "cell"]) { svg in
      for (column, value) in values.enumerated() {
        guard let value else { continue }
        let x = HeatMap.left + Double(column) * cellWidth
        let shape = HeatMap.shape(x, y, size.0, size.1)
        let shade = Numbers.fixed(opacity(value), 2)
        let attributes: KeyValuePairs<String, String> =
          isSigned && value < 0
          ? ["class": "minus", "d": shape, "opacity": shade] : ["d": shape, "opacity": shade]
        svg.element("path", attributes) {
          $0.element("title", text: "\(cellTitle(row, column)): \(format(value))")
        }
      }
    }
  }

  private static func shape(_ x: Double, _ y: Double, _ width: Double, _ height: Double) -> String {
    let (width, height) = (Numbers.point(width), Numbers.point(height))
    return "M\(Numbers.point(x)) \(Numbers.point(y))h\(width)v\(height)h-\(width)z"
  }

  /// Many narrow cells: those of one shade are one shape, and neighbours of one shade one cell.
  private func drawBands(
    _ values: [Double?], y: Double, cellWidth: Double, _ size: (Double, Double), _ svg: inout Markup
  ) {
    let shades = 24.0
    var shapes: [Int: String] = [:]
    let shadeOf = values.map { $0.map { Int((opacity($0) * shades).rounded()) } }
    var column = 0
    while column < shadeOf.count {
      let shade = shadeOf[column]
      let end = shadeOf[column...].firstIndex { $0 != shade } ?? shadeOf.count
      if let shade {
        let width = Double(end - column - 1) * cellWidth + size.0
        let x = HeatMap.left + Double(column) * cellWidth
        shapes[shade, default: ""] += HeatMap.shape(x, y, width, size.1)
      }
      column = end
    }
    for (shade, shape) in shapes.sorted(by: { $0.key < $1.key }) {
      svg.empty(
        "path",
        ["class": "cell", "fill-opacity": Numbers.fixed(Double(shade) / shades, 3), "d": shape])
    }
  }

  private func style(_ value: Double) -> String { isSigned && value < 0 ? "minus" : "cell" }

  private func opacity(_ value: Double) -> Double {
    if isSigned { return 0.06 + 0.94 * min(value.magnitude / max(range.upperBound, 1e-300), 1) }
    let span = range.upperBound - range.lowerBound
    return span > 0 ? 0.06 + 0.94 * max(0, min((value - range.lowerBound) / span, 1)) : 0.5
  }

  private func drawScale(_ svg: inout Markup) {
    let y = height - 26
    let (left, width) = (HeatMap.left, 120.0)
    for step in 0..<12 {
      let share = Double(step) / 11
      let value = range.lowerBound + share * (range.upperBound - range.lowerBound)
      svg.rectangle(
        x: left + Double(step) * width / 12, y: y, width: width / 12, height: 8,
        style: style(value), opacity: opacity(value))
    }
    svg.label(format(range.lowerBound), x: left, y: y + 21)
    svg.label(format(range.upperBound), x: left + width, y: y + 21, anchor: "end")
  }
}
