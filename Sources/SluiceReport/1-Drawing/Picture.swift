/// A picture of the page: a drawing with a title and a description for those who do not see it, a
/// caption, and the numbers after it as a table.
struct Picture {
  /// The width in units of the drawing: about that of a phone, so that text stays readable there.
  static let width = 360.0

  let title: String
  /// What is to be seen, in words.
  let description: String
  let caption: String
  let height: Double
  /// The numbers; nil where they are elsewhere on the page.
  let table: Table?
  let draw: (inout Markup) -> Void

  /// The numbers after a picture.
  struct Table {
    var head: [String]
    var rows: [[String]]
    /// The most rows that the page has; what is longer is in the report itself.
    static let rowLimit = 1200
  }

  func write(to page: inout Markup, id: String) {
    page.element("figure") { page in
      page.element("h4", text: title)
      page.element(
        "svg",
        [
          "xmlns": "http://www.w3.org/2000/svg", "role": "img",
          "viewBox": "0 0 \(Numbers.point(Picture.width)) \(Numbers.point(height))",
          "aria-labelledby": "\(id)-title \(id)-text",
        ]
      ) { svg in
        svg.element("title", ["id": "\(id)-title"], text: title)
        svg.element("desc", ["id": "\(id)-text"], text: description)
        draw(&svg)
      }
      page.element("figcaption", text: caption)
      if let table { page.details("The numbers", table) }
    }
    page.newLine()
  }
}

extension Markup {
  /// Writes a table that is shown when it is asked for.
  mutating func details(_ summary: String, _ table: Picture.Table) {
    element("details") { page in
      page.element("summary", text: summary)
      page.table(table)
    }
  }

  /// Writes a table that can be moved sideways where it is wider than the page.
  mutating func table(_ table: Picture.Table) {
    element("div", ["class": "scroll", "tabindex": "0", "role": "region", "aria-label": "Table"]) {
      page in
      page.element("table") { page in
        page.element("thead") { page in
          page.element("tr") { row in
            for cell in table.head { row.element("th", text: cell) }
          }
        }
        page.element("tbody") { page in
          for cells in table.rows.prefix(Picture.Table.rowLimit) {
            page.element("tr") { row in
              for (index, cell) in cells.enumerated() {
                if index == 0 {
                  row.element("th", text: cell)
                } else {
                  row.element("td", text: cell)
                }
              }
            }
            page.newLine()
          }
        }
      }
    }
    if table.rows.count > Picture.Table.rowLimit {
      element(
        "p", ["class": "note"],
        text:
          "The first \(Picture.Table.rowLimit) of \(table.rows.count) rows; all are in the file "
          + "that this page was made from.")
    }
  }

  /// Writes a word into a drawing.
  mutating func label(
    _ content: String, x: Double, y: Double, anchor: String = "start", style: String = "label"
  ) {
    element(
      "text",
      ["class": style, "x": Numbers.point(x), "y": Numbers.point(y), "text-anchor": anchor],
      text: content)
  }

  /// Draws a line.
  mutating func line(
    _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, style: String = "axis"
  ) {
    empty(
      "line",
      [
        "class": style, "x1": Numbers.point(x1), "y1": Numbers.point(y1),
        "x2": Numbers.point(x2), "y2": Numbers.point(y2),
      ])
  }

  /// Draws a filled rectangle, with words that appear when it is pointed at.
  mutating func rectangle(
    x: Double, y: Double, width: Double, height: Double, style: String, opacity: Double = 1,
    title: String? = nil
  ) {
    let attributes: KeyValuePairs = [
      "class": style, "x": Numbers.point(x), "y": Numbers.point(y),
      "width": Numbers.point(max(0, width)), "height": Numbers.point(max(0, height)),
      "fill-opacity": Numbers.fixed(max(0, min(opacity, 1)), 3),
    ]
    guard let title else { return empty("rect", attributes) }
    element("rect", attributes) { $0.element("title", text: title) }
  }
}
