/// A strip, and how many of the bytes of a job are its own.
package struct StripShare: Sendable {
  /// The ordinal of the strip.
  package let strip: Int
  /// The number of bytes.
  package internal(set) var byteCount: Int
}

/// The strips that the bytes of a job belong to, in order: mostly one, for which nothing is allocated.
package struct StripShares: Sendable {
  private var first: StripShare?
  /// Those after the first.
  private var others: [StripShare] = []

  /// Adds bytes that lie after the last ones.
  mutating func add(_ share: StripShare) {
    if let last, last.strip == share.strip {
      self[endIndex - 1].byteCount += share.byteCount
    } else if first == nil {
      first = share
    } else {
      others.append(share)
    }
  }

  /// Adds the strips of bytes that lie before the first ones.
  mutating func insert(_ shares: [StripShare]) {
    let all = shares + self
    (first, others) = (all.first, Array(all.dropFirst()))
  }

  /// Takes the shares of the first bytes away, or of the last.
  mutating func take(_ byteCount: Int, fromEnd: Bool) -> [StripShare] {
    var (taken, rest) = ([StripShare](), byteCount)
    while rest > 0 {
      let place = fromEnd ? endIndex - 1 : 0
      let share = StripShare(
        strip: self[place].strip, byteCount: Swift.min(rest, self[place].byteCount))
      taken.append(share)
      rest -= share.byteCount
      self[place].byteCount -= share.byteCount
      if self[place].byteCount == 0 { remove(at: place) }
    }
    return taken
  }

  private mutating func remove(at place: Int) {
    if place > 0 {
      others.remove(at: place - 1)
    } else {
      first = others.isEmpty ? nil : others.removeFirst()
    }
  }
}

extension StripShares: RandomAccessCollection {
  package var startIndex: Int { 0 }
  package var endIndex: Int { first == nil ? 0 : others.count + 1 }

  package internal(set) subscript(place: Int) -> StripShare {
    get {
      guard place == 0 else { return others[place - 1] }
      guard let first else { preconditionFailure("there are no strips") }
      return first
    }
    set {
      if place == 0 { first = newValue } else { others[place - 1] = newValue }
    }
  }
}
