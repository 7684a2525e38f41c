internal import SluiceFormats
internal import SluicePlan
internal import SluiceRun

/// Recipes whose models are computed together: what they read of the same files is read once.
///
/// The tensors of a layer are merged in pieces of a few strips, each by one recipe after the other. The first
/// reads from the disk; what it read is kept until all have had the piece.
///
/// Safety: tensors are merged by one thread at a time, while no other reads.
final class MergedGroup: @unchecked Sendable {
  /// Strips that all recipes merge before any goes on.
  struct Piece {
    /// The positions of strips in each tensor.
    var strips: [String: [Int]] = [:]
    /// The bytes that merging them reads.
    var byteCount = 0
    /// Whether what is read is kept for the next recipe.
    var isKept = false
  }

  /// The recipes.
  let members: [MergedMember]
  /// What their tensors are called.
  let names: DecoderNames
  /// The most bytes that all recipes together read of a strip that was looked at: what keeping it takes.
  private(set) var largestStripBytes = 0
  private let capacity: Int
  private let reads: SharedReads
  private var prepared: [String]?
  /// The pieces of calls that were looked at: what stores know of their tensors is read for that.
  private var known: [[String]: [Piece]] = [:]

  /// Puts recipes together.
  ///
  /// - Parameters:
  ///   - members: The recipes.
  ///   - names: What their tensors are called.
  ///   - capacity: The most bytes that are kept while they are merged.
  init(_ members: [MergedMember], _ names: DecoderNames, capacity: Int) {
    (self.members, self.names) = (members, names)
    self.capacity = members.count > 1 ? capacity : 0
    reads = SharedReads(capacity: self.capacity)
  }

  /// Lets a merge read with the others.
  func share(with merge: PartialMerge) { merge.share(reads) }

  /// Merges tensors for all recipes, unless that was done a moment ago; those of the call before are let go of.
  ///
  /// - Parameter names: The tensors.
  /// - Returns: The bytes that were read.
  /// - Throws: What keeps them from being merged.
  func prepare(_ names: [String]) throws -> Int {
    guard prepared != names else { return 0 }
    prepared = nil
    let before = reads.bytesRead
    for member in members { try member.clear() }
    for piece in try pieces(of: names) {
      reads.clear(keeping: piece.isKept)
      for member in members { try member.merge(piece) }
    }
    reads.clear(keeping: false)
    prepared = names
    return reads.bytesRead - before
  }

  /// Lets go of what was made ready.
  func forget() { prepared = nil }

  /// The bytes that making tensors ready reads.
  func byteCount(_ names: [String]) throws -> Int {
    try pieces(of: names).reduce(0) { $0 + $1.byteCount }
  }

  /// The bytes of merged tensors of all recipes.
  func mergedByteCount(_ names: [String]) -> Int {
    members.reduce(0) { $0 + $1.mergedByteCount(names) }
  }

  /// Strips of tensors in pieces that what is kept has room for.
  ///
  /// A strip that needs more than that is read by each recipe for itself.
  private func pieces(of names: [String]) throws -> [Piece] {
    if let known = known[names] { return known }
    var (pieces, piece, parts): ([Piece], Piece, Set<ReadPart>) = ([], Piece(isKept: true), [])
    var loose = Piece()
    for name in names {
      for index in 0..<(members.map { $0.stripCount(of: name) }.max() ?? 0) {
        let own = try members.map { try $0.reads(of: name, strip: index) }
        let all = own.reduce(into: [:]) { $0.merge($1) { first, _ in first } }
        let whole = all.values.reduce(0, +)
        largestStripBytes = max(largestStripBytes, whole)
        guard members.count > 1, whole <= capacity else {
          loose.strips[name, default: []].append(index)
          loose.byteCount += own.reduce(0) { $0 + $1.values.reduce(0, +) }
          continue
        }
        func new() -> Int { all.reduce(0) { $0 + (parts.contains($1.key) ? 0 : $1.value) } }
        if piece.byteCount + new() > capacity {
          pieces.append(piece)
          (piece, parts) = (Piece(isKept: true), [])
        }
        piece.byteCount += new()
        parts.formUnion(all.keys)
        piece.strips[name, default: []].append(index)
      }
    }
    pieces = (pieces + [piece, loose]).filter { !$0.strips.isEmpty }
    known[names] = pieces
    return pieces
  }
}

extension DecoderShape {
  /// The tensors that a pass makes ready, call by call.
  func preparations(of group: MergedGroup?) -> [[String]] {
    guard let names = group?.names else { return [] }
    return [names.tensorsBeforeLayers]
      + (0..<layerCount).map { tensors(names, layer: $0) } + [names.tensorsBehindLayers]
  }
}
