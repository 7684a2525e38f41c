import Foundation
import FoundationXML
import SluiceReport
import Testing

/// A page, read with a parser of XML: so it must be well-formed.
final class PageDocument: NSObject, XMLParserDelegate {
  /// An element with its attributes and the text in it and in what it holds.
  struct Element {
    let name: String
    let attributes: [String: String]
    var text = ""
  }

  private(set) var elements: [Element] = []
  private var open: [Int] = []
  let source: String

  init(_ page: ReportPage) throws {
    source = String(decoding: page.bytes, as: UTF8.self)
    super.init()
    let parser = XMLParser(data: Data(page.bytes))
    parser.delegate = self
    let isWellFormed = parser.parse()
    #expect(isWellFormed, "\(String(describing: parser.parserError)) in line \(parser.lineNumber)")
  }

  func all(_ name: String) -> [Element] { elements.filter { $0.name == name } }

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?,
    qualifiedName: String?, attributes: [String: String]
  ) {
    open.append(elements.count)
    elements.append(Element(name: name, attributes: attributes))
  }

  func parser(
    _ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?
  ) {
    open.removeLast()
  }

  func parser(_ parser: XMLParser, foundCharacters string: String) {
    for index in open { elements[index].text += string }
  }
}
