/// The magnitudes with low bits that a strip had up to now, smallest first, and how many there are of each.
struct ListedMagnitudes {
  private(set) var bits: [UInt32] = []
  private(set) var counts: [UInt32] = []

  /// How many magnitudes differ.
  var count: Int { bits.count }

  /// Which of them from one on are below a pattern.
  func range(from first: Int, below end: UInt32) -> Range<Int> {
    // Mostly all of them.
    if let largest = bits.last, largest < end { return first..<count }
    var last = first
    while last < count, bits[last] < end { last += 1 }
    return first..<last
  }

  /// Forgets all of them.
  mutating func removeAll() {
    bits.removeAll(keepingCapacity: true)
    counts.removeAll(keepingCapacity: true)
  }

  /// Adds magnitudes.
  ///
  /// - Parameters:
  ///   - list: Holds them, in any order; another order afterwards.
  ///   - scratch: As much room as the list has.
  ///   - length: How many there are.
  ///   - kernels: The kernels to count with.
  mutating func add(
    _ list: AlignedBuffer<UInt32>, _ scratch: AlignedBuffer<UInt32>, length: Int,
    kernels: Kernels
  ) {
    precondition(length <= list.count && length <= scratch.count)
    // SAFETY: the list and the scratch space hold as many.
    let found = unsafe kernels.countMagnitudes(
      list.pointer, counts: scratch.pointer, count: length)
    let new = unsafe (
      bits: UnsafeBufferPointer(start: list.pointer, count: found),
      counts: UnsafeBufferPointer(start: scratch.pointer, count: found)
    )
    if bits.isEmpty {
      unsafe bits.append(contentsOf: new.bits)
      unsafe counts.append(contentsOf: new.counts)
    } else {
      unsafe merge(new.bits, new.counts)
    }
  }

  private mutating func merge(
    _ newBits: UnsafeBufferPointer<UInt32>, _ newCounts: UnsafeBufferPointer<UInt32>
  ) {
    var merged = ListedMagnitudes()
    merged.bits.reserveCapacity(bits.count + newBits.count)
    merged.counts.reserveCapacity(bits.count + newBits.count)
    var (old, new) = (0, 0)
    while old < bits.count || new < newBits.count {
      let mine = old < bits.count ? bits[old] : .max
      // SAFETY: positions below the number of elements.
      let other = unsafe new < newBits.count ? newBits[new] : .max
      var count: UInt32 = 0
      if mine <= other {
        count += counts[old]
        old += 1
      }
      if other <= mine {
        unsafe count += newCounts[new]
        new += 1
      }
      merged.bits.append(min(mine, other))
      merged.counts.append(count)
    }
    self = merged
  }
}
