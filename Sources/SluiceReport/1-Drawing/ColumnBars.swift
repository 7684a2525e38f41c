/// Upright bars made of parts, side by side.
struct ColumnBars {
  /// For each column the values of its parts, from the bottom.
  let columns: [[Double]]
  let names: [String]
  let titles: [String]
  let partNames: [String]
  /// The sum that is as long as the drawing is high.
  let top: Double

  /// The height of the drawing.
  var height: Double { 200 + Double(partNames.count) * 16 }

  /// Draws columns, axes and the names of the parts.
  func draw(_ svg: inout Markup) {
    let axes = Axes(
      x: 0...Double(max(columns.count, 1)), y: 0...max(top, 1e-9), height: 200, xName: "block",
      yName: "kept", xFormat: { _ in "" }, yFormat: { Numbers.percent($0, 0) })
    for tick in Numbers.ticks(axes.y, 4) {
      svg.line(axes.left, axes.row(tick), Picture.width - 10, axes.row(tick), style: "grid")
      svg.label(
        Numbers.percent(tick, top < 0.04 ? 1 : 0), x: axes.left - 5, y: axes.row(tick) + 3.5,
        anchor: "end")
    }
    let width = axes.column(1) - axes.column(0)
    let gap = width > 6 ? min(4, width * 0.2) : 0
    let every = max(1, Int((26 / width).rounded(.up)))
    for (index, parts) in columns.enumerated() {
      var start = 0.0
      for (part, value) in parts.enumerated() where value > 0 {
        svg.rectangle(
          x: axes.column(Double(index)) + gap / 2, y: axes.row(start + value), width: width - gap,
          height: axes.row(start) - axes.row(start + value), style: "part\(part % 5)",
          title: "\(titles[index]), \(partNames[part]): \(Numbers.percent(value))")
        start += value
      }
      if index % every == 0 {
        svg.label(
          names[index], x: axes.column(Double(index) + 0.5), y: axes.row(0) + 14, anchor: "middle")
      }
    }
    svg.line(axes.left, axes.row(0), Picture.width - 10, axes.row(0))
    svg.label("block", x: Picture.width - 10, y: 193, anchor: "end", style: "name")
    for (index, name) in partNames.enumerated() {
      let y = 202 + Double(index) * 16
      svg.rectangle(x: axes.left, y: y, width: 10, height: 10, style: "part\(index % 5)")
      svg.label(name, x: axes.left + 15, y: y + 9)
    }
  }
}
