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

  /// The text of so many elements, which an array consists of.
  ///
  /// It is the same for any number of threads.
  fileprivate func write(
    _ elementCount: Int, to json: inout JSONWriter,
    _ write: @escaping @Sendable (inout JSONWriter, Range<Int>) -> Void
  ) throws {
    let place = json.place
    try Graph.mapInOrder(
      Array(stride(from: 0, to: elementCount, by: blockElements)), "report", threads: count,
      ahead: blocksAhead
    ) { start in
      JSONWriter.elements(at: place) { json in
        write(&json, start..<min(start + blockElements, elementCount))
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
  ///   - count: How many there are at the most.
  ///   - threads: How it is written on several threads.
  ///   - write: Writes those of some positions, as far as there is something to write: many at a time, so that what all
  ///     of them need is taken up once.
  /// - Throws: If there are no threads to be had.
  mutating func array(
    _ key: StaticString, count: Int, on threads: ReportThreads,
    _ write: @escaping @Sendable (inout JSONWriter, Range<Int>) -> Void
  ) throws {
    self.key(key)
    beginArray()
    try threads.write(count, to: &self, write)
    endArray()
  }
}
