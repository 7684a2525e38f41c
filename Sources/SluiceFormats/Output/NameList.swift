/// Many names, to be put in order: their bytes lie one after the other, so that comparing two asks for nothing else.
package struct NameList {
  private var bytes: [UInt8] = []
  /// Where each name begins, and where the last ends.
  private var starts = [0]

  /// Makes a list without names.
  ///
  /// - Parameter count: For how many names there is room.
  package init(room count: Int) {
    starts.reserveCapacity(count + 1)
    bytes.reserveCapacity(count * 64)
  }

  /// Adds a name to the end.
  package mutating func append(_ name: String) {
    bytes.append(contentsOf: name.utf8)
    starts.append(bytes.count)
  }

  /// The positions of the names in natural order.
  package var naturalOrder: [Int] {
    (0..<starts.count - 1).sorted { first, second in
      let all = bytes.span
      return NaturalOrder.isOrderedBefore(
        all.extracting(range(first)), all.extracting(range(second)))
    }
  }

  /// Positions of names in the order of their bytes.
  ///
  /// - Parameter positions: The positions; what is in order takes one look.
  /// - Returns: The positions in order.
  package func byteOrder(of positions: [Int]) -> [Int] {
    positions.sorted { first, second in
      let all = bytes.span
      return NameList.precedes(all.extracting(range(first)), all.extracting(range(second)))
    }
  }

  private func range(_ position: Int) -> Range<Int> { starts[position]..<starts[position + 1] }

  /// Whether bytes come before others as their first difference tells, and what is shorter before what it begins.
  static func precedes(_ a: borrowing Span<UInt8>, _ b: borrowing Span<UInt8>) -> Bool {
    let position = NaturalOrder.commonByteCount(a, b)
    guard position < a.count, position < b.count else { return a.count < b.count }
    return a[position] < b[position]
  }
}
