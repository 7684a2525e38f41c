/// How a tiny model is laid out on disk; none of it may change a merged byte.
package struct ShardingLayout: Sendable, Equatable {
  /// The order of the tensors over and within the files.
  package enum Order: Sendable, Equatable {
    /// As the model lists them.
    case given
    /// A permutation drawn from a seed.
    case shuffled(seed: UInt64)
  }

  /// What fills the space between the JSON of a header and the data.
  package enum Padding: Sendable, Equatable, CaseIterable {
    /// Spaces up to a multiple of eight, as common writers do.
    case aligned
    /// Nothing: the data start wherever the JSON ends.
    case none
    /// As many spaces as make the data start at an odd byte.
    case odd
    /// Several hundred spaces.
    case wide
  }

  /// The order in which a header names its tensors.
  package enum HeaderOrder: Sendable, Equatable, CaseIterable {
    /// By where the data stand.
    case offset
    /// By name, whatever the order of the data.
    case name
  }

  /// The number of files; never more than there are tensors.
  package var shardCount: Int
  /// The order of the tensors.
  package var order: Order
  /// The padding of every header.
  package var padding: Padding
  /// The order of every header.
  package var headerOrder: HeaderOrder
  /// Whether a single file comes with an index, too.
  package var hasIndexForOneShard: Bool

  /// Chooses a layout.
  package init(
    shardCount: Int = 1, order: Order = .given, padding: Padding = .aligned,
    headerOrder: HeaderOrder = .offset, hasIndexForOneShard: Bool = false
  ) {
    precondition(shardCount >= 1)
    self.shardCount = shardCount
    self.order = order
    self.padding = padding
    self.headerOrder = headerOrder
    self.hasIndexForOneShard = hasIndexForOneShard
  }

  /// One of each kind: a plain file, an odd start, shards in order, shuffled shards of odd start.
  package static let samples: [ShardingLayout] = [
    ShardingLayout(),
    ShardingLayout(padding: .odd, headerOrder: .name),
    ShardingLayout(padding: .wide, hasIndexForOneShard: true),
    ShardingLayout(shardCount: 2, padding: .none),
    ShardingLayout(
      shardCount: 3, order: .shuffled(seed: 1), padding: .odd, headerOrder: .name),
    ShardingLayout(shardCount: 5, order: .shuffled(seed: 2)),
  ]
}
