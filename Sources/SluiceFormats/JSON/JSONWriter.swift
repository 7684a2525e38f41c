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
  package typealias Sink = ([UInt8]) throws(FormatError) -> Void

  var buffer: [UInt8] = []
  private let sink: Sink?
  private let indentation: Int
  private var failure: FormatError?
  /// The innermost container, and those around it.
  private var container: Container?
  private var outer: [Container] = []
  private var isAfterKey = false
  private var isDone = false

  private static let flushByteCount = 1 << 16

  fileprivate struct Container {
    let isObject: Bool
    let isOnOneLine: Bool
    var isEmpty = true
  }

  /// Starts a text that goes to a sink.
  ///
  /// - Parameters:
  ///   - indentation: How many spaces each level is indented; 0 for a text without white space.
  ///   - sink: What takes the text.
  package init(indentation: Int = 0, to sink: @escaping Sink) {
    self.sink = sink
    self.indentation = indentation
  }

  private init(gatheringWithIndentation indentation: Int) {
    self.sink = nil
    self.indentation = indentation
  }

  /// Makes a whole text in memory, for what is known to be small.
  ///
  /// - Parameters:
  ///   - indentation: How many spaces each level is indented; 0 for a text without white space.
  ///   - body: Writes exactly one value.
  /// - Returns: The text in UTF-8.
  package static func bytes(indentation: Int = 0, _ body: (inout JSONWriter) -> Void) -> [UInt8] {
    var writer = JSONWriter(gatheringWithIndentation: indentation)
    body(&writer)
    precondition(writer.isDone, "a JSON text without its end")
    return writer.buffer
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

  /// Writes the key of the member that comes next.
  package mutating func key(_ key: String) {
    precondition(container?.isObject == true && !isAfterKey, "a key outside of an object")
    separate()
    appendQuoted(key)
    buffer.append(UInt8(ascii: ":"))
    if indentation > 0 { buffer.append(UInt8(ascii: " ")) }
    isAfterKey = true
  }

  /// Where elements of an array stand that are written elsewhere.
  package struct Place: Sendable {
    fileprivate let container: Container
    fileprivate let outer: [Container]
    fileprivate let indentation: Int
  }

  /// Where the next elements of the innermost container stand, which must be an array.
  package var place: Place {
    guard var container, !container.isObject else {
      preconditionFailure("elements outside of an array")
    }
    container.isEmpty = true
    return Place(container: container, outer: outer, indentation: indentation)
  }

  /// Makes the text of neighbouring elements of an array, on any thread.
  ///
  /// - Parameters:
  ///   - place: Where they stand.
  ///   - body: Writes the elements.
  /// - Returns: The text, for ``append(elements:)``.
  package static func elements(
    at place: Place, _ body: (inout JSONWriter) -> Void
  ) -> [UInt8] {
    var writer = JSONWriter(gatheringWithIndentation: place.indentation)
    (writer.container, writer.outer) = (place.container, place.outer)
    body(&writer)
    precondition(writer.outer.count == place.outer.count, "elements without their end")
    return writer.buffer
  }

  /// Writes elements whose text was made elsewhere.
  package mutating func append(elements text: [UInt8]) {
    guard !text.isEmpty else { return }
    separateFromLast()
    buffer += text
    endValue()
  }

  /// Writes a scalar.
  package mutating func value(_ value: JSONScalar) {
    startValue()
    append(value)
    endValue()
  }

  /// Writes a whole number, of which lists may have many.
  mutating func integer(_ value: Int) {
    startValue()
    buffer.append(decimal: value)
    endValue()
  }

  private mutating func begin(_ bracket: UInt8, isObject: Bool, _ isOnOneLine: Bool) {
    startValue()
    let isInner = isOnOneLine || container?.isOnOneLine == true
    if let container { outer.append(container) }
    container = Container(isObject: isObject, isOnOneLine: isInner)
    buffer.append(bracket)
  }

  private mutating func end(_ bracket: UInt8, isObject: Bool) {
    guard let ended = container, ended.isObject == isObject, !isAfterKey else {
      preconditionFailure("the end of another container")
    }
    container = outer.popLast()
    if !ended.isEmpty, !ended.isOnOneLine { startLine() }
    buffer.append(bracket)
    endValue()
  }

  private mutating func startValue() {
    precondition(!isDone, "a second JSON text")
    guard let container else { return }
    precondition(container.isObject == isAfterKey, "a value without its key")
    if !isAfterKey { separate() }
    isAfterKey = false
  }

  private mutating func endValue() {
    isDone = container == nil
    if sink != nil, buffer.count >= JSONWriter.flushByteCount { flush() }
  }

  /// Writes what stands between the members of a container.
  private mutating func separate() {
    if !separateFromLast() { startLine() }
  }

  /// Writes the comma behind the member before, if there is one; tells whether all are on one line.
  @discardableResult
  private mutating func separateFromLast() -> Bool {
    guard let last = container else { return true }
    if !last.isEmpty {
      buffer.append(UInt8(ascii: ","))
      if last.isOnOneLine, indentation > 0 { buffer.append(UInt8(ascii: " ")) }
    }
    container?.isEmpty = false
    return last.isOnOneLine
  }

  private mutating func startLine() {
    guard indentation > 0 else { return }
    buffer.append(UInt8(ascii: "\n"))
    buffer.append(
      contentsOf: repeatElement(
        UInt8(ascii: " "), count: indentation * (outer.count + (container == nil ? 0 : 1))))
  }

  private mutating func flush() {
    guard let sink else { return }
    if failure == nil {
      do throws(FormatError) { try sink(buffer) } catch { failure = error }
    }
    buffer.removeAll(keepingCapacity: true)
  }
}
