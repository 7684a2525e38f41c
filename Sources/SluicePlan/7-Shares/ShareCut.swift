internal import SluiceCore
internal import SluiceArchitecture
internal import SluiceFormats
package import SluiceStages

/// How the work of a merge is cut into shares that processes do which know nothing of each other.
///
/// A function of the tensors, their places in the output, and the number of shares alone: whoever plans the same
/// merge cuts it alike.
///
/// * A tensor that a pass before the last looks at is never divided, so that whatever is found of it stays with the
///   share; others are divided by strips.
/// * Where a pass looks at whole blocks, their layers stay together, too.
/// * Two shares never write to the same page of a file: a client of a network's file system writes whole pages
///   back. So what shares a page stays together, above all the tensors at the end of a file whose lengths are no
///   multiples of a page.
/// * Pieces are taken in natural order of names, so that a share reads what lies together; the shares are
///   numbered by their size, the largest first, since whoever hands them out begins with the first.
package struct ShareCut: Sendable, Hashable {
  /// The work of one process.
  package struct Share: Sendable, Hashable {
    /// The ordinals of the tensors, ascending.
    package var tasks: [Int] = []
    /// The ordinals of the strips, ascending.
    package var strips: [Int] = []
    /// The bytes that are read and written when they are merged.
    package var byteCount = 0
  }

  /// The most shares that a merge is cut into.
  package static let maximumCount = 100_000

  /// The shares, the largest first; some are empty where there are more than pieces.
  package let shares: [Share]

  /// Cuts a merge.
  ///
  /// - Parameters:
  ///   - plan: The plan of all of it.
  ///   - count: How many shares.
  package init(_ plan: TensorPlan, count: Int) {
    let undivided = Set(
      plan.passes.dropLast().flatMap { $0.tasks(plan).map(\.ordinal) })
    let inBlocks = plan.passes.filter { $0.reach == .blocks }.flatMap { $0.tasks(plan) }
    let blocks = inBlocks.map { ($0.ordinal, BlockName.block(of: $0.name)) }
    self.init(
      plan.tasks, granularity: plan.granularity, undivided: undivided,
      blocks: Dictionary(blocks) { first, _ in first }, count: count)
  }

  /// Cuts tensors.
  ///
  /// - Parameters:
  ///   - tasks: The tensors of a merge.
  ///   - granularity: What strips are.
  ///   - undivided: The ordinals of the tensors that are not divided.
  ///   - blocks: The blocks of tensors that stay together, by the ordinals of the tensors.
  ///   - count: How many shares.
  package init(
    _ tasks: [TensorTask], granularity: Granularity, undivided: Set<Int>,
    blocks: [Int: String] = [:], count: Int
  ) {
    precondition((1...ShareCut.maximumCount).contains(count), "a number of shares")
    let pieces = ShareCut.joined(
      tasks.flatMap { task in
        Piece.pieces(of: task, granularity, isDivided: !undivided.contains(task.ordinal))
      }, blocks)
    let total = pieces.reduce(0) { $0 + $1.byteCount }
    var shares = Array(repeating: Share(), count: count)
    var before = 0
    for piece in pieces {
      // Where the middle of the piece falls when all of them are laid out in a row.
      let middle = before + piece.byteCount / 2
      let place =
        total > 0
        ? min(count - 1, total.dividingFullWidth(middle.multipliedFullWidth(by: count)).quotient)
        : 0
      shares[place].add(piece)
      before += piece.byteCount
    }
    self.shares = shares.enumerated().sorted {
      ($1.element.byteCount, $0.offset) < ($0.element.byteCount, $1.offset)
    }.map(\.element.inOrder)
  }

  /// Joins pieces that have something of a page, or their block, in common, in the order of their first strips.
  private static func joined(_ pieces: [Piece], _ blocks: [Int: String]) -> [Piece] {
    // Each piece leads to one of its group that was there before it; the first to itself.
    var leads = Array(pieces.indices)
    func first(_ piece: Int) -> Int {
      var piece = piece
      while leads[piece] != piece {
        leads[piece] = leads[leads[piece]]
        piece = leads[piece]
      }
      return piece
    }
    func join(_ a: Int, _ b: Int) {
      let (a, b) = (first(a), first(b))
      leads[max(a, b)] = min(a, b)
    }
    let byPlace = pieces.indices.sorted {
      let (a, b) = (pieces[$0], pieces[$1])
      return (a.shard, a.pages.lowerBound, $0) < (b.shard, b.pages.lowerBound, $1)
    }
    var (last, end) = (-1, 0)
    for index in byPlace {
      let piece = pieces[index]
      if last >= 0, pieces[last].shard == piece.shard {
        if piece.pages.lowerBound < end { join(last, index) }
        end = max(end, piece.pages.upperBound)
      } else {
        end = piece.pages.upperBound
      }
      last = index
    }
    var ofBlock: [String: Int] = [:]
    for (index, piece) in pieces.enumerated() {
      guard let block = piece.tasks.first.flatMap({ blocks[$0] }) else { continue }
      if let other = ofBlock[block] { join(other, index) } else { ofBlock[block] = index }
    }
    var joined: [Int: Piece] = [:]
    for (index, piece) in pieces.enumerated() { joined[first(index), default: Piece()].add(piece) }
    return joined.values.sorted { $0.strips[0] < $1.strips[0] }
  }
}

extension ShareCut {
  /// What is done by one share, whichever it is.
  fileprivate struct Piece {
    var tasks: [Int] = []
    var strips: [Int] = []
    var shard = 0
    /// The bytes of the file, out to the borders of pages; none of an empty tensor.
    ///
    /// Of no meaning once pieces are joined.
    var pages = 0..<0
    var byteCount = 0

    init() {}

    init(_ task: TensorTask, _ strips: [Strip]) {
      tasks = [task.ordinal]
      self.strips = strips.map(\.ordinal)
      shard = task.outputShard
      let start = strips[0].outputOffset
      let end = start + strips.reduce(0) { $0 + $1.outputByteCount }
      pages =
        start == end
        ? start..<start
        : start.roundedDown(to: ShardLayout.alignment)..<end.roundedUp(to: ShardLayout.alignment)
      byteCount = strips.reduce(0) { $0 + $1.inputByteCount + $1.outputByteCount }
    }

    static func pieces(
      of task: TensorTask, _ granularity: Granularity, isDivided: Bool
    ) -> [Piece] {
      let strips = (0..<granularity.stripCount(of: task.elementCount)).map {
        Strip(task, index: $0, granularity: granularity)
      }
      return isDivided ? strips.map { Piece(task, [$0]) } : [Piece(task, strips)]
    }

    mutating func add(_ other: Piece) {
      tasks += other.tasks
      strips += other.strips
      byteCount += other.byteCount
    }
  }
}

extension ShareCut.Share {
  fileprivate mutating func add(_ piece: ShareCut.Piece) {
    tasks += piece.tasks
    strips += piece.strips
    byteCount += piece.byteCount
  }

  /// The same with every tensor once, and all in ascending order.
  fileprivate var inOrder: ShareCut.Share {
    ShareCut.Share(
      tasks: Set(tasks).sorted(), strips: strips.sorted(), byteCount: byteCount)
  }
}
