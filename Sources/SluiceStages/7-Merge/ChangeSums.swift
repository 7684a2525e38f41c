package import SluiceKernels

extension ChangeFigures {
  /// The sums over the elements looked at, of a strip or of a tensor.
  package struct Sums: Sendable, Hashable {
    /// How many elements were looked at.
    package var count = 0
    /// How many of each model's deltas, as they came, are of which class of `DeltaSizes`.
    package var sizes: [UInt32]
    /// The number of models.
    package let modelCount: Int
    /// All comparisons: the base's, the merged deltas', those of changes, of what is kept, and of shares.
    package internal(set) var comparisons: [Comparison]

    /// Sums of nothing.
    package init(modelCount: Int) {
      self.init(
        count: 0,
        comparisons: Array(repeating: Comparison(), count: Sums.comparisonCount(modelCount)),
        sizes: Array(repeating: 0, count: modelCount * DeltaSizes.classCount),
        modelCount: modelCount)
    }

    /// Puts sums together.
    ///
    /// - Parameters:
    ///   - count: How many elements were looked at.
    ///   - comparisons: As many as there are for so many models.
    ///   - sizes: For each model as many as there are classes.
    ///   - modelCount: The number of models.
    package init(count: Int, comparisons: [Comparison], sizes: [UInt32], modelCount: Int) {
      precondition(comparisons.count == Sums.comparisonCount(modelCount))
      precondition(sizes.count == modelCount * DeltaSizes.classCount)
      (self.count, self.comparisons, self.sizes) = (count, comparisons, sizes)
      self.modelCount = modelCount
    }

    /// How many comparisons there are for so many models.
    package static func comparisonCount(_ modelCount: Int) -> Int {
      2 + modelCount * (modelCount + 2)
    }

    /// The base's weights with themselves.
    package var base: Comparison { comparisons[0] }
    /// What is added to the base's weights with itself.
    package var merged: Comparison { comparisons[1] }
    /// The models' deltas with each other, as they came: pair (0, 0), (0, 1), (1, 1), (0, 2) and so on.
    package var changes: Part { Part(all: comparisons, start: firstChange) }
    /// The same of what the stages left of them.
    package var kept: Part { Part(all: comparisons, start: firstKept) }
    /// What is added to the base's weights with each model's deltas as they came.
    package var shares: Part { Part(all: comparisons, start: firstShare) }

    var firstChange: Int { 2 }
    var firstKept: Int { firstChange + modelCount * (modelCount + 1) / 2 }
    var firstShare: Int { firstChange + modelCount * (modelCount + 1) }

    /// Some of the comparisons, counted from the first of them.
    package struct Part: Sendable {
      fileprivate let all: [Comparison]
      fileprivate let start: Int

      package subscript(index: Int) -> Comparison { all[start + index] }
    }

    /// Where a pair of models is in `changes` and `kept`.
    package static func index(_ first: Int, _ second: Int) -> Int {
      let (low, high) = (min(first, second), max(first, second))
      return high * (high + 1) / 2 + low
    }

    /// Forgets what was added up.
    mutating func clear() {
      count = 0
      for index in comparisons.indices { comparisons[index] = Comparison() }
      for index in sizes.indices { sizes[index] = 0 }
    }

    mutating func add(_ other: Sums) {
      add(other.count, other.comparisons.span, other.sizes.span)
    }

    fileprivate mutating func add(_ count: Int, _ other: Span<Comparison>, _ sizes: Span<UInt32>) {
      self.count += count
      for index in comparisons.indices { comparisons[index] += other[index] }
      // At most as many as there are elements: what is looked at of a tensor has less than 2^32.
      for index in sizes.indices {
        self.sizes[index] = self.sizes[index].addingReportingOverflow(sizes[index]).partialValue
      }
    }
  }

  /// The figures of strips of one lane, to be kept at once.
  struct Batch {
    fileprivate(set) var strips: [Int] = []
    fileprivate var counts: [Int] = []
    fileprivate var comparisons: [Comparison] = []
    fileprivate var sizes: [UInt32] = []

    /// Whether they are to be kept, as they would take more memory than is foreseen: those of many models are long.
    var isFull: Bool { comparisons.count >= 1 << 11 }

    mutating func add(_ sums: Sums, strip: Int) {
      strips.append(strip)
      counts.append(sums.count)
      comparisons += sums.comparisons
      sizes += sums.sizes
    }

    mutating func removeAll() {
      strips.removeAll(keepingCapacity: true)
      counts.removeAll(keepingCapacity: true)
      comparisons.removeAll(keepingCapacity: true)
      sizes.removeAll(keepingCapacity: true)
    }
  }

  /// The figures of strips, which many threads can look at.
  ///
  /// They lie one after the other in few lists, since there may be ten thousands.
  package struct Known: Sendable {
    private let modelCount: Int
    /// Where each strip is in the lists, counted from 1; 0 where it is not.
    private var places: [Int]
    private var counts: [Int] = []
    private var comparisons: [Comparison] = []
    private var sizes: [UInt32] = []

    init(modelCount: Int, stripCount: Int) {
      self.modelCount = modelCount
      places = Array(repeating: 0, count: stripCount)
      counts.reserveCapacity(stripCount)
      comparisons.reserveCapacity(stripCount * Sums.comparisonCount(modelCount))
      sizes.reserveCapacity(stripCount * modelCount * DeltaSizes.classCount)
    }

    /// Takes the figures of strips, in place of earlier ones of the same: where those lie, nobody finds them any more.
    mutating func set(_ batch: Batch) {
      precondition(
        batch.sizes.count == batch.strips.count * modelCount * DeltaSizes.classCount,
        "figures of as many models")
      for (index, strip) in batch.strips.enumerated() {
        if strip >= places.count {
          places += Array(repeating: 0, count: max(strip + 1, 2 * places.count) - places.count)
        }
        places[strip] = counts.count + index + 1
      }
      counts += batch.counts
      comparisons += batch.comparisons
      sizes += batch.sizes
    }

    func sums(strip: Int) -> Sums? {
      guard let place = place(of: strip) else { return nil }
      return Sums(
        count: counts[place], comparisons: Array(comparisons[comparisonRange(place)]),
        sizes: Array(sizes[sizeRange(place)]), modelCount: modelCount)
    }

    /// The figures of a tensor; nil if nothing of it was looked at.
    package func sums(of task: TensorTask, stripCount: Int) -> Sums? {
      var sums = Sums(modelCount: modelCount)
      return read(task, stripCount: stripCount, into: &sums) ? sums : nil
    }

    /// Puts the figures of a tensor in the place of others of as many models.
    ///
    /// - Returns: Whether anything of it was looked at.
    package func read(_ task: TensorTask, stripCount: Int, into sums: inout Sums) -> Bool {
      precondition(sums.modelCount == modelCount, "figures of as many models")
      sums.clear()
      var isKnown = false
      for strip in task.firstStrip..<task.firstStrip + stripCount {
        guard let place = place(of: strip) else { continue }
        isKnown = true
        sums.add(
          counts[place], comparisons.span.extracting(comparisonRange(place)),
          sizes.span.extracting(sizeRange(place)))
      }
      return isKnown
    }

    private func place(of strip: Int) -> Int? {
      strip < places.count && places[strip] > 0 ? places[strip] - 1 : nil
    }

    private func comparisonRange(_ place: Int) -> Range<Int> {
      let count = Sums.comparisonCount(modelCount)
      return place * count..<(place + 1) * count
    }

    private func sizeRange(_ place: Int) -> Range<Int> {
      let count = modelCount * DeltaSizes.classCount
      return place * count..<(place + 1) * count
    }
  }
}
