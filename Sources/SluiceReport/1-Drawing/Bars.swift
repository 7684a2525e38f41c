internal import SluiceCore

/// Horizontal bars made of parts, one below the other, with the names of the parts beneath.
struct Bars {
  /// A part of a bar.
  struct Part {
    let value: Double
    let text: String
  }

  /// A bar, its name above it.
  struct Bar {
    let name: String
    let note: String
    let parts: [Part]
  }

  let bars: [Bar]
  /// The names of the parts; part i is drawn in colour i.
  let partNames: [String]
  /// The length that is as long as the drawing is wide.
  let whole: Double
  /// Lines across all bars, with names.
  var marks: [(value: Double, name: String)] = []

  private let step = 36.0
  private var legendRows: Int { (partNames.count + 1) / 2 }

  /// The height of the drawing.
  var height: Double {
    Double(bars.count) * step + (marks.isEmpty ? 0 : 18) + Double(legendRows) * 16 + 8
  }

  /// Draws bars, marks and names.
  func draw(_ svg: inout Markup) {
    let width = Picture.width - 4
    let top = marks.isEmpty ? 0.0 : 18.0
    func x(_ value: Double) -> Double { 2 + max(0, min(value / max(whole, 1e-300), 1)) * width }
    for (index, bar) in bars.enumerated() {
      let y = top + Double(index) * step
      svg.label(shortened(bar.name, beside: bar.note), x: 2, y: y + 12)
      svg.label(bar.note, x: width, y: y + 12, anchor: "end", style: "quiet")
      svg.rectangle(x: 2, y: y + 16, width: width, height: 13, style: "track")
      var start = 0.0
      for (position, part) in bar.parts.enumerated() where part.value > 0 {
        svg.rectangle(
          x: x(start), y: y + 16, width: x(start + part.value) - x(start), height: 13,
          style: "part\(position % 5)", title: "\(bar.name): \(part.text)")
        start += part.value
      }
    }
    let bottom = top + Double(bars.count) * step
    for mark in marks {
      for index in bars.indices {
        // Over the bars only: not through their names.
        let y = top + Double(index) * step
        svg.line(x(mark.value), y + 14, x(mark.value), y + 31, style: "mark")
      }
      let isRight = mark.value > whole / 2
      svg.label(
        mark.name, x: x(mark.value), y: 14, anchor: isRight ? "end" : "start", style: "quiet")
    }
    for (index, name) in partNames.enumerated() {
      let (column, row) = (Double(index % 2), Double(index / 2))
      let y = bottom + 6 + row * 16
      svg.rectangle(x: 2 + column * 180, y: y, width: 10, height: 10, style: "part\(index % 5)")
      svg.label(name, x: 17 + column * 180, y: y + 9)
    }
  }

  /// As much of a name as there is room for beside the note, where letters are largest.
  private func shortened(_ name: String, beside note: String) -> String {
    let room = max(10, 50 - note.count)
    let name = name.printable
    return name.count <= room ? name : name.prefix(room - 3) + "..."
  }
}
