extension Graph {
  private struct InOrder<Value: Sendable>: Sendable {
    var values: [Int: Value] = [:]
    var takenCount = 0
    var failure: (any Error)?
    var isOver = false
  }

  /// Makes something of each element of a list on several threads, and hands it on in the order of the list while
  /// more is made.
  ///
  /// - Parameters:
  ///   - elements: The list.
  ///   - name: The name of the nodes, to which their number is added.
  ///   - threads: How many threads make something.
  ///   - ahead: How much may be made that was not handed on.
  ///   - body: What is made of an element.
  ///   - take: Takes what was made, on the calling thread.
  /// - Throws: If there are no threads to be had; what was handed on by then is not all.
  package static func mapInOrder<Element: Sendable, Value: Sendable>(
    _ elements: [Element], _ name: String, threads: Int, ahead: Int,
    _ body: @escaping @Sendable (Element) -> Value, take: (Value) -> Void
  ) throws {
    let state = Monitor(InOrder<Value>())
    let maker = try NamedThread(name: name) {
      do {
        try workThrough(Array(elements.indices), name, threads: threads) { list, node in
          // Taken in order: whoever has the oldest never waits.
          while let index = try list.next() {
            let isCancelled = state.wait { state in
              node.cancellation.isCancelled
                ? true : index < state.takenCount + max(ahead, 1) ? false : nil
            }
            guard !isCancelled else { return }
            let value = body(elements[index])
            state.withLock { $0.values[index] = value }
          }
        }
      } catch {
        state.withLock { $0.failure = error }
      }
      state.withLock { $0.isOver = true }
    }
    for index in elements.indices {
      let value: Value?? = state.wait { state in
        guard let value = state.values.removeValue(forKey: index) else {
          return state.isOver ? .some(nil) : nil
        }
        state.takenCount += 1
        return value
      }
      guard let value, let value else { break }
      take(value)
    }
    maker.join()
    if let failure = state.withLock({ $0.failure }) { throw failure }
  }
}
