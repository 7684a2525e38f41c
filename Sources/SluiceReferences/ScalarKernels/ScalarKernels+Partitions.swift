package import SluiceKernels

extension ScalarKernels {
  /// Reads 32 binary digits backwards.
  package static func bitReversed(_ value: UInt32) -> UInt32 {
    var out: UInt32 = 0
    for digit in 0..<32 where value & (1 << digit) != 0 {
      out |= 1 << (31 - digit)
    }
    return out
  }

  /// Decides about one tied element.
  package static func keepsTie(_ number: UInt64, rule: TieCursor.Rule, limit: UInt64) -> Bool {
    switch rule {
    case .spread: UInt64(bitReversed(UInt32(truncatingIfNeeded: number))) < limit
    case .index: number < limit
    case .dropAll: false
    case .keepAll: true
    }
  }

  /// Selects the elements above a cut, and those on it that its rule keeps.
  package static func select(_ delta: [Float], cursor: inout TieCursor) -> [Bool] {
    delta.map { value in
      let bits = magnitudeBits(value)
      guard bits == cursor.threshold else { return bits > cursor.threshold }
      defer { cursor.next += 1 }
      return keepsTie(cursor.next, rule: cursor.rule, limit: cursor.limit)
    }
  }

  /// Finds where the largest magnitudes of a row end, by sorting them.
  package static func cutRow(
    _ values: [Float], kept: Int
  ) -> (threshold: UInt32, above: Int, tied: Int) {
    let magnitudes = values.map(magnitudeBits)
    let threshold = magnitudes.sorted()[values.count - kept]
    return (
      threshold, magnitudes.count { $0 > threshold }, magnitudes.count { $0 == threshold }
    )
  }

  /// Replaces the elements that were not selected by +0.
  package static func masked(_ values: [Float], keep: [Bool]) -> [Float] {
    zip(values, keep).map { value, isKept in isKept ? value : 0 }
  }

  /// Multiplies each element by the factor of the first partition that holds it.
  package static func amplified(
    _ values: [Float], partitions: [[Bool]], factors: [Float]
  ) -> [Float] {
    values.indices.map { index in
      guard let first = partitions.firstIndex(where: { $0[index] }) else { return values[index] }
      return factors[first] * values[index]
    }
  }

  /// Packs decisions into words of 64, the least significant bit first.
  package static func keepWords(_ keep: [Bool]) -> [UInt64] {
    var words = [UInt64](repeating: 0, count: (keep.count + 63) / 64)
    for (index, isKept) in keep.enumerated() where isKept {
      words[index / 64] |= 1 << (index % 64)
    }
    return words
  }
}
