/// The frame of a page.
enum Page {
  /// Writes a page that needs nothing but itself.
  static func text(title: String, _ body: (inout Markup) -> Void) -> [UInt8] {
    var page = Markup()
    page.element("html", ["xmlns": "http://www.w3.org/1999/xhtml", "lang": "en"]) { page in
      page.newLine()
      page.element("head") { page in
        page.empty("meta", ["charset": "utf-8"])
        page.newLine()
        // Nothing of the page may be fetched or run, whatever got into it.
        page.empty(
          "meta",
          [
            "http-equiv": "Content-Security-Policy",
            "content": "default-src 'none'; style-src 'unsafe-inline'",
          ])
        page.newLine()
        page.empty(
          "meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"])
        page.newLine()
        page.element("title", text: title)
        page.newLine()
        page.style(StyleSheet.text)
      }
      page.newLine()
      page.element("body", [:], body)
      page.newLine()
    }
    return Array("<!DOCTYPE html>\n\(page.text)\n".utf8)
  }
}

extension Markup {
  /// Writes a part of the page.
  mutating func section(_ heading: String, _ lead: String, _ body: (inout Markup) -> Void) {
    element("section") { page in
      page.element("h2", text: heading)
      page.element("p", ["class": "lead"], text: lead)
      body(&page)
    }
    newLine()
  }

  /// Writes names and what they are.
  mutating func facts(_ facts: [(String, String)]) {
    element("dl") { page in
      for (name, value) in facts where !value.isEmpty {
        page.element("dt", text: name)
        page.element("dd", text: value)
      }
    }
    newLine()
  }

  /// Writes the numbers that stand out.
  mutating func cards(_ cards: [(number: String, text: String)]) {
    element("ul", ["class": "cards"]) { page in
      for card in cards {
        page.element("li") { page in
          page.element("strong", text: card.number)
          page.element("span", text: card.text)
        }
      }
    }
    newLine()
  }

  /// Writes a command that can be given next.
  mutating func command(_ why: String, _ command: String) {
    element("p", text: why)
    element("pre") { $0.element("code", text: command) }
    newLine()
  }

  /// Says what is not on the page, and why.
  mutating func note(_ text: String) { element("p", ["class": "note"], text: text) }

  /// Writes pictures side by side.
  mutating func row(_ pictures: [Picture], id: String) {
    element("div", ["class": "row"]) { page in
      for (index, picture) in pictures.enumerated() {
        picture.write(to: &page, id: "\(id)-\(index)")
      }
    }
    newLine()
  }
}
