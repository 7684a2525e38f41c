package import SluiceCore
package import SluiceFormats
internal import Synchronization

/// A tensor of a model with its rows in another order: for each row of the merged model the model's row of the
/// same token, or one that is made for it.
package final class MatchedRows: Sendable, Hashable {
  /// For each row the model's row, -1 for the base's of the same number (so that its delta is zero), or -2 - k
  /// for the k-th of those that are made.
  package let rows: [Int32]
  /// The number of elements in a row.
  package let columnCount: Int
  /// The model's tensor as it lies.
  package let own: TensorSource
  /// The base's.
  package let base: TensorSource
  /// What is made; nil where nothing is.
  package let made: MadeRows?
  /// The mean of all rows but those that are it, once somebody asked for it.
  let mean = Mutex<[Float]?>(nil)

  /// Describes matched rows.
  package init(
    _ rows: [Int32], columnCount: Int, own: TensorSource, base: TensorSource,
    made: MadeRows? = nil
  ) {
    self.rows = rows
    self.columnCount = columnCount
    self.own = own
    self.base = base
    self.made = made
  }

  /// The elements of one run that lie together, or are made as one.
  struct Piece: Sendable, Hashable {
    /// Where elements come from.
    enum Place: Sendable, Hashable {
      /// The model's tensor, from this element on.
      case own(Int)
      /// The base's.
      case base(Int)
      /// The row that is made as the k-th, from this column on.
      case made(Int, column: Int)
    }

    /// The elements, as positions in the merged model's order.
    let elements: Range<Int>
    /// Where they come from.
    let place: Place
  }

  /// The first piece of a run: as many elements as lie together.
  func piece(of elements: Range<Int>) -> Piece {
    let (first, column) = elements.lowerBound.quotientAndRemainder(dividingBy: columnCount)
    let start = Int(rows[first])
    var row = first + 1
    if start >= -1 {
      while row * columnCount < elements.upperBound,
        start < 0 ? rows[row] == -1 : Int(rows[row]) == start + row - first
      { row += 1 }
    }
    let range = elements.lowerBound..<min(elements.upperBound, row * columnCount)
    let place: Piece.Place =
      switch start {
      case 0...: .own(start * columnCount + column)
      case -1: .base(elements.lowerBound)
      default: .made(-2 - start, column: column)
      }
    return Piece(elements: range, place: place)
  }

  /// The type that holds the elements, which are read as Float32.
  package var storedDType: DType {
    guard let made else { return own.storedDType }
    return WorkingType.promoted(made.sources.map(\.storedDType))
  }

  /// The bytes that reading holds beside its target and its scratch.
  package var heldByteCount: Int { made == nil ? 0 : columnCount * 16 }
  /// The bytes that the description takes.
  package var byteCount: Int {
    rows.count * 4 + (made?.rows.count ?? 0) * MemoryLayout<MadeRows.Row>.stride
  }

  package static func == (a: MatchedRows, b: MatchedRows) -> Bool {
    a === b
      || (a.rows == b.rows && a.columnCount == b.columnCount && a.own == b.own && a.base == b.base
        && a.made == b.made)
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(own)
    hasher.combine(base)
  }
}

/// Rows for tokens that a model lacks.
package final class MadeRows: Sendable, Hashable {
  /// A row of one of the tensors.
  package struct Place: Sendable, Hashable {
    /// The tensor.
    package let source: Int
    /// Its row.
    package let row: Int32

    /// Describes a row.
    package init(source: Int, row: Int32) {
      self.source = source
      self.row = row
    }
  }

  /// How a row is made.
  package enum Row: Sendable, Hashable {
    /// Zeros.
    case zero
    /// A row of a tensor.
    case copy(Place)
    /// The mean of several: added up in this order, then divided, each step rounded to the working type.
    case mean([Place])
    /// The mean of all rows of the model that are no such mean: filling behind the last token.
    case filling
  }

  /// The rows.
  package let rows: [Row]
  /// The tensors that rows come from.
  package let sources: [TensorSource]
  /// The type that sums are rounded to.
  package let working: DType

  /// Describes rows.
  package init(_ rows: [Row], sources: [TensorSource], working: DType) {
    self.rows = rows
    self.sources = sources
    self.working = working
  }

  package static func == (a: MadeRows, b: MadeRows) -> Bool {
    a === b || (a.rows == b.rows && a.sources == b.sources && a.working == b.working)
  }

  package func hash(into hasher: inout Hasher) { hasher.combine(rows.count) }
}

extension MadeRows {
  /// A hash of how rows are made, and in which type.
  package var hash: Hash128 {
    var numbers: [Int32] = []
    func put(_ place: Place) { numbers += [Int32(place.source), place.row] }
    for row in rows {
      switch row {
      case .zero: numbers.append(-1)
      case .copy(let place): put(place)
      case .mean(let places):
        numbers += [-2, Int32(places.count)]
        places.forEach(put)
      case .filling: numbers.append(-3)
      }
    }
    // Safety: the numbers are used inside the closure only.
    let hash = unsafe numbers.withUnsafeBytes { unsafe Hash128(of: $0) }
    return Hash128(of: hash.bytes + Array(working.rawValue.utf8))
  }
}
