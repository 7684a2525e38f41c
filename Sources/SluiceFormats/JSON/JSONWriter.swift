internal import SluiceCore

/// Writes JSON text piece by piece, so that a report of any size takes constant memory.
///
///     var writer = JSONWriter(indentation: 2, to: { text throws(FormatError) in ... })
///     writer.beginObject()
///     writer.member("version", 1)
///     writer.key("tensors")
///     writer.beginArray()
///     ...
///     writer.endArray()
///     writer.endObject()
///     try writer.finish()
///
/// A sink that fails is not called again; `finish()` throws its error, so that nothing in between
/// has to. Writing what is not JSON (a value without its key, an end without its begin) traps.
package struct JSONWriter: ~Copyable {
  /// What takes the text, in runs of some 64 KiB.
  package typealias Sink = (RawSpan) throws(FormatError) -> Void

  var text: TextBuffer
  private let sink: Sink?
  private let indentation: Int
  private var failure: FormatError?
  private var nesting = JSONNesting()
  /// Whether nothing stands in the innermost container yet.
  private var isEmpty = true
  private var isAfterKey = false
  private var isDone = false

  private static let flushByteCount = 1 << 16
  /// Room for the text of many elements.
  private static let elementsByteCount = 1 << 18

  /// Starts a text that goes to a sink.
  ///
  /// - Parameters:
  ///   - indentation: How many spaces each level is indented; 0 for a text without white space.
  ///   - sink: What takes the text.
  package init(indentation: Int = 0, to sink: @escaping Sink) {
    self.sink = sink
    self.indentation = indentation
    text = TextBuffer(room: JSONWriter.flushByteCount)
  }

  private init(gatheringWithIndentation indentation: Int, room: Int) {
    self.sink = nil
    self.indentation = indentation
    text = TextBuffer(room: room)
  }

  /// Makes a whole text in memory, for what is known to be small.
  ///
  /// - Parameters:
  ///   - indentation: How many spaces each level is indented; 0 for a text without white space.
  ///   - body: Writes exactly one value.
  /// - Returns: The text in UTF-8.
  package static func bytes(
    indentation: Int = 0, _ body: (inout JSONWriter) -> Void
  ) -> [UInt8] {
    // Safe: the bytes are copied inside the closure.
    text(indentation: indentation, room: 1 << 8, body) {
      unsafe $0.withUnsafeBytes { unsafe Array($0) }
    }
  }

  /// Makes a whole text in memory that becomes a part of something.
  ///
  /// - Parameters:
  ///   - indentation: As above.
  ///   - room: About how many bytes it takes.
  ///   - body: Writes exactly one value.
  ///   - use: Takes the text in UTF-8.
  /// - Returns: What was made of it.
  static func text<Result>(
    indentation: Int = 0, room: Int, _ body: (inout JSONWriter) -> Void, use: (RawSpan) -> Result
  ) -> Result {
    var writer = JSONWriter(gatheringWithIndentation: indentation, room: room)
    body(&writer)
    precondition(writer.isDone, "a JSON text without its end")
    return writer.text.withBytes(use)
  }

  /// Hands the rest to the sink.
  package consuming func finish() throws(FormatError) {
    precondition(isDone, "a JSON text without its end")
    flush()
    if let failure { throw failure }
  }

  /// Begins an object.
  package mutating func beginObject(isOnOneLine: Bool = false) {
    begin(UInt8(ascii: "{"), isObject: true, isOnOneLine)
  }

  /// Ends the innermost container, which must be an object.
  package mutating func endObject() { end(UInt8(ascii: "}"), isObject: true) }

  /// Begins an array.
  package mutating func beginArray(isOnOneLine: Bool = false) {
    begin(UInt8(ascii: "["), isObject: false, isOnOneLine)
  }

  /// Ends the innermost container, which must be an array.
  package mutating func endArray() { end(UInt8(ascii: "]"), isObject: false) }

  /// Writes the key of the member that comes next, which needs no escapes.
  package mutating func key(_ key: StaticString) {
    startKey()
    text.append(quoted: key)
    endKey()
  }

  /// Writes the key of the member that comes next.
  package mutating func key(named key: String) {
    startKey()
    appendQuoted(key)
    endKey()
  }

  /// Where elements of an array stand that are written elsewhere.
  package struct Place: Sendable {
    fileprivate let nesting: JSONNesting
    fileprivate let indentation: Int
  }

  /// Where the next elements of the innermost container stand, which must be an array.
  package var place: Place {
    precondition(isInArray, "elements outside of an array")
    return Place(nesting: nesting, indentation: indentation)
  }

  private var isInArray: Bool { nesting.depth > 0 && !nesting.isObject }

  /// Makes the text of neighbouring elements of an array, on any thread.
  ///
  /// - Parameters:
  ///   - place: Where they stand.
  ///   - body: Writes the elements.
  /// - Returns: The text, for ``append(elements:)``.
  package static func elements(
    at place: Place, _ body: (inout JSONWriter) -> Void
  ) -> Elements {
    var writer = JSONWriter(
      gatheringWithIndentation: place.indentation, room: JSONWriter.elementsByteCount)
    writer.nesting = place.nesting
    body(&writer)
    precondition(writer.nesting.depth == place.nesting.depth, "elements without their end")
    return Elements(writer.text)
  }

  /// The text of neighbouring elements of an array.
  package final class Elements: Sendable {
    fileprivate let text: TextBuffer

    fileprivate init(_ text: consuming TextBuffer) { self.text = text }
  }

  /// Writes elements whose text was made elsewhere.
  package mutating func append(elements: Elements) {
    guard elements.text.count > 0 else { return }
    separateFromLast()
    // Long ones need not be copied.
    if sink != nil, elements.text.count >= JSONWriter.flushByteCount {
      flush()
      send(elements.text)
    } else {
      text.append(elements.text)
    }
    endValue()
  }

  private mutating func begin(_ bracket: UInt8, isObject: Bool, _ isOnOneLine: Bool) {
    startValue()
    nesting.open(isObject: isObject, isOnOneLine: isOnOneLine || nesting.isOnOneLine)
    isEmpty = true
    text.append(bracket)
  }

  private mutating func end(_ bracket: UInt8, isObject: Bool) {
    precondition(
      nesting.depth > 0 && nesting.isObject == isObject && !isAfterKey,
      "the end of another container")
    let isOnOneLine = nesting.isOnOneLine
    nesting.close()
    if !isEmpty, !isOnOneLine { startLine() }
    // What it stands in has a member now: this.
    isEmpty = false
    text.append(bracket)
    endValue()
  }

  private mutating func startKey() {
    precondition(nesting.depth > 0 && nesting.isObject && !isAfterKey, "a key outside of an object")
    separate()
  }

  private mutating func endKey() {
    text.append(UInt8(ascii: ":"))
    if indentation > 0 { text.append(UInt8(ascii: " ")) }
    isAfterKey = true
  }

  mutating func startValue() {
    precondition(!isDone, "a second JSON text")
    guard nesting.depth > 0 else { return }
    precondition(nesting.isObject == isAfterKey, "a value without its key")
    if !isAfterKey { separate() }
    isAfterKey = false
  }

  mutating func endValue() {
    isDone = nesting.depth == 0
    if sink != nil, text.count >= JSONWriter.flushByteCount { flush() }
  }

  /// Writes what stands between the members of a container.
  private mutating func separate() {
    separateFromLast()
    if !nesting.isOnOneLine { startLine() }
  }

  /// Writes the comma behind the member before, if there is one.
  private mutating func separateFromLast() {
    if !isEmpty {
      text.append(UInt8(ascii: ","))
      if nesting.isOnOneLine, indentation > 0 { text.append(UInt8(ascii: " ")) }
    }
    isEmpty = false
  }

  private mutating func startLine() {
    guard indentation > 0 else { return }
    text.append(UInt8(ascii: "\n"))
    text.append(UInt8(ascii: " "), count: indentation * nesting.depth)
  }

  private mutating func flush() {
    guard let sink else { return }
    if failure == nil {
      do throws(FormatError) { try text.withBytes(sink) } catch { failure = error }
    }
    text.clear()
  }

  private mutating func send(_ text: borrowing TextBuffer) {
    guard let sink, failure == nil else { return }
    do throws(FormatError) { try text.withBytes(sink) } catch { failure = error }
  }
}
