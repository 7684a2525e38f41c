internal import CSluiceKernels

/// The cuts of a tensor, and a factor for what each keeps, as kernels have them while they walk through it.
@safe package final class MovingCuts {
  private let capacity: Int
  private let counts = AlignedBuffer(count: 1, fill: 0)
  fileprivate let codes: UnsafeMutablePointer<sluice_tie_cursor>
  fileprivate let factors: UnsafeMutablePointer<Float>
  private let owners: (AlignedBuffer<sluice_tie_cursor>, AlignedBuffer<Float>)

  /// Makes room for cuts.
  ///
  /// - Parameter capacity: How many there may be.
  package init(capacity: Int) {
    self.capacity = capacity
    owners = (
      AlignedBuffer(count: capacity, fill: sluice_tie_cursor()),
      AlignedBuffer(count: capacity, fill: 1)
    )
    unsafe codes = owners.0.pointer
    unsafe factors = owners.1.pointer
  }

  /// How many cuts there are.
  package var count: Int { unsafe counts.pointer[0] }

  /// Starts cuts at the beginning of a tensor.
  ///
  /// - Parameters:
  ///   - cursors: The cuts, most severe first.
  ///   - factors: One factor per cut, or none at all: then each is 1.
  package func begin(_ cursors: [TieCursor], factors: [Float] = []) {
    precondition(cursors.count <= capacity, "as many cuts as there is room for")
    precondition(factors.isEmpty || factors.count == cursors.count, "a factor for each cut")
    unsafe counts.pointer[0] = cursors.count
    for index in cursors.indices { unsafe codes[index] = cursors[index].code }
    for index in cursors.indices {
      unsafe self.factors[index] = factors.isEmpty ? 1 : factors[index]
    }
  }

  /// The number of the next tied element of a cut.
  ///
  /// - Parameter cut: The position of the cut.
  /// - Returns: The number.
  package func next(of cut: Int) -> UInt64 {
    precondition(cut < count)
    return unsafe codes[cut].next
  }
}

extension Kernels {
  /// Selects by one of several cuts, as `select` does by a cursor.
  package func select(
    _ delta: UnsafePointer<Float>, count: Int, cuts: MovingCuts, at cut: Int,
    keep: UnsafeMutablePointer<UInt64>
  ) {
    // Safety: the caller guarantees `count` elements and their keep words.
    precondition(cut < cuts.count)
    _ = unsafe functions.pointee.select(delta, count, cuts.codes + cut, keep)
  }

  /// Selects by several cuts as `select` does, and prunes by what they keep as `prune` does, in one walk.
  ///
  /// - Parameters:
  ///   - values: The deltas, changed in place.
  ///   - count: How many.
  ///   - cuts: The cuts, most severe first, with their factors; they move past the tied elements of this block.
  ///   - keep: Receives the keep words of each cut.
  package func selectAndPrune(
    _ values: UnsafeMutablePointer<Float>, count: Int, cuts: MovingCuts,
    keep: UnsafePointer<UnsafeMutablePointer<UInt64>>
  ) {
    // Safety: the caller guarantees `count` numbers, and keep words for each cut.
    unsafe functions.pointee.select_and_prune(
      values, count, cuts.codes, cuts.factors, cuts.count, keep)
  }
}
