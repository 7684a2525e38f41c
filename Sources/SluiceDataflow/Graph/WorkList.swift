internal import Synchronization

/// Elements that threads take one by one, each of them once, in the order of the list.
package final class WorkList<Element: Sendable>: Sendable {
  private let elements: [Element]
  private let taken = Atomic<Int>(0)
  private let cancellation: Cancellation

  /// Makes a list of which nothing is taken, for nodes that are run together.
  package init(_ elements: [Element], cancellation: Cancellation) {
    self.elements = elements
    self.cancellation = cancellation
  }

  /// Takes the next element; nil once all are taken.
  ///
  /// - Throws: ``CancelledError`` if the run has been cancelled.
  package func next() throws(CancelledError) -> Element? {
    try cancellation.check()
    let index = taken.wrappingAdd(1, ordering: .relaxed).oldValue
    return index < elements.count ? elements[index] : nil
  }
}

extension Graph {
  /// Works through a list on several threads, and returns when all have ended.
  ///
  /// Each thread makes what it needs for itself, takes elements until there are none, and may leave
  /// before. The order in which elements are *finished* is not known.
  ///
  /// - Parameters:
  ///   - elements: What there is to do.
  ///   - name: The name of the nodes, to which their number is added.
  ///   - threads: How many threads; one if it is less.
  ///   - cancellation: What ends the work before its time.
  ///   - body: What one thread does.
  /// - Returns: What the threads did.
  /// - Throws: The first error of any thread, or what the run was cancelled with.
  @discardableResult
  package static func workThrough<Element: Sendable>(
    _ elements: [Element], _ name: String, threads: Int,
    cancellation: Cancellation = Cancellation(),
    _ body: @escaping @Sendable (WorkList<Element>, NodeContext) throws -> Void
  ) throws -> GraphRun {
    let list = WorkList(elements, cancellation: cancellation)
    let graph = Graph(cancellation: cancellation)
    for thread in 1...max(threads, 1) {
      graph.add("\(name) \(thread)") { node in try body(list, node) }
    }
    return try graph.run()
  }

  /// Does the same to each element of a list, on several threads.
  ///
  /// - Parameters:
  ///   - elements: The list.
  ///   - name: The name of the nodes, to which their number is added.
  ///   - threads: How many threads; one if it is less.
  ///   - cancellation: What ends the work before its time.
  ///   - body: What is done to an element.
  /// - Returns: What the threads did.
  /// - Throws: The first error of any thread, or what the run was cancelled with.
  @discardableResult
  package static func forEach<Element: Sendable>(
    _ elements: [Element], _ name: String, threads: Int,
    cancellation: Cancellation = Cancellation(),
    _ body: @escaping @Sendable (Element, NodeContext) throws -> Void
  ) throws -> GraphRun {
    try workThrough(elements, name, threads: threads, cancellation: cancellation) { list, node in
      while let element = try list.next() { try body(element, node) }
    }
  }

  /// Makes something of each element of a list, on several threads.
  ///
  /// - Parameters:
  ///   - elements: The list.
  ///   - name: The name of the nodes, to which their number is added.
  ///   - threads: How many threads at the most.
  ///   - cancellation: What ends the work before its time.
  ///   - body: What is made of an element.
  /// - Returns: What was made, in the order of the list.
  /// - Throws: The first error of any thread, or what the run was cancelled with.
  package static func map<Element: Sendable, Value: Sendable>(
    _ elements: [Element], _ name: String, threads: Int,
    cancellation: Cancellation = Cancellation(),
    _ body: @escaping @Sendable (Element) throws -> Value
  ) throws -> [Value] {
    // Of very many several at a time: the list, and what is made, are for one thread at a time.
    let blockLength = max(1, min(64, elements.count / (64 * max(threads, 1))))
    let starts = Array(stride(from: 0, to: elements.count, by: blockLength))
    let values = Monitor([Value?](repeating: nil, count: elements.count))
    try forEach(starts, name, threads: min(threads, starts.count), cancellation: cancellation) {
      start, _ in
      guard blockLength > 1 else {
        let value = try body(elements[start])
        return values.withLock { $0[start] = value }
      }
      let block = try elements[start..<min(start + blockLength, elements.count)].map(body)
      values.withLock { values in
        for (place, value) in block.enumerated() { values[start + place] = value }
      }
    }
    return values.withLock { $0.compactMap(\.self) }
  }
}
