internal import SluiceDataflow
internal import SluiceFormats

/// How a long list of a report is written on several threads.
struct ReportThreads {
  /// How many threads.
  let count: Int
  /// How many elements a thread writes at once: their text stays below some hundred KiB.
  let blockElements: Int

  /// How many blocks wait in memory for their turn.
  private var blocksAhead: Int { count * 4 }

  /// The text of what is written of elements, which an array consists of.
  ///
  /// It is the same for any number of threads.
  fileprivate func write<Element: Sendable>(
    _ elements: [Element], to json: inout JSONWriter,
    _ write: @escaping @Sendable (inout JSONWriter, Element) -> Void
  ) throws {
    let place = json.place
    try Graph.mapInOrder(
      Array(stride(from: 0, to: elements.count, by: blockElements)), "report", threads: count,
      ahead: blocksAhead
    ) { start in
      JSONWriter.elements(at: place) { json in
        let end = min(start + blockElements, elements.count)
        for element in elements[start..<end] { write(&json, element) }
      }
    } take: { text in
      json.append(elements: text)
    }
  }
}

extension JSONWriter {
  /// Writes a member that is an array of many elements.
  ///
  /// - Parameters:
  ///   - key: The key.
  ///   - elements: What the elements are written of; of some there may be nothing to write.
  ///   - threads: How it is written on several threads.
  ///   - write: Writes an element.
  /// - Throws: If there are no threads to be had.
  mutating func array<Element: Sendable>(
    _ key: StaticString, of elements: [Element], on threads: ReportThreads,
    _ write: @escaping @Sendable (inout JSONWriter, Element) -> Void
  ) throws {
    self.key(key)
    beginArray()
    try threads.write(elements, to: &self, write)
    endArray()
  }
}
