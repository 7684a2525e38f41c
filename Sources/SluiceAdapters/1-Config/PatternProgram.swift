/// What a pattern of a config is compiled to: instructions that all its threads go through together,
/// byte by byte, so that no pattern takes more than its length times that of the name.
struct PatternProgram: Sendable {
  /// A set of bytes.
  struct ByteSet: Sendable {
    private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

    func contains(_ byte: UInt8) -> Bool {
      let word =
        switch byte >> 6 {
        case 0: words.0
        case 1: words.1
        case 2: words.2
        default: words.3
        }
      return word >> UInt64(byte & 63) & 1 == 1
    }

    mutating func insert(_ byte: UInt8) {
      let bit = UInt64(1) << UInt64(byte & 63)
      switch byte >> 6 {
      case 0: words.0 |= bit
      case 1: words.1 |= bit
      case 2: words.2 |= bit
      default: words.3 |= bit
      }
    }

    mutating func formUnion(_ other: ByteSet) {
      for byte in UInt8.min...UInt8.max where other.contains(byte) { insert(byte) }
    }

    var inverted: ByteSet {
      var set = ByteSet()
      set.words = (~words.0, ~words.1, ~words.2, ~words.3)
      return set
    }
  }

  enum Instruction: Sendable {
    /// Takes a byte of the set and goes on.
    case take(ByteSet)
    /// Goes on at both places.
    case fork(Int, Int)
    /// Goes on elsewhere.
    case jump(Int)
    /// Goes on where the name begins.
    case start
    /// Goes on where the name ends.
    case end
    /// The pattern has been read to its end.
    case match
  }

  var instructions: [Instruction] = []

  /// Whether the pattern matches a name from its beginning, or from behind one of its dots, to its
  /// end.
  ///
  /// - Parameters:
  ///   - name: The name.
  ///   - steps: Is counted up by what it took.
  /// - Returns: Whether it matches.
  func matches(_ name: [UInt8], steps: inout Int) -> Bool {
    var threads = Threads(count: instructions.count)
    for position in 0...name.count {
      threads.advance()
      if position > 0 {
        for place in threads.old {
          if case .take(let set) = instructions[place], set.contains(name[position - 1]) {
            add(place + 1, position, name.count, &threads)
          }
        }
      }
      if position == 0 || name[position - 1] == UInt8(ascii: ".") {
        add(0, position, name.count, &threads)
      }
      steps += 1 + threads.new.count
    }
    return threads.new.contains { if case .match = instructions[$0] { true } else { false } }
  }

  private func add(_ first: Int, _ position: Int, _ end: Int, _ threads: inout Threads) {
    var pending = [first]
    while let place = pending.popLast() {
      guard threads.insert(place) else { continue }
      switch instructions[place] {
      case .fork(let one, let other):
        pending.append(other)
        pending.append(one)
      case .jump(let place): pending.append(place)
      case .start: if position == 0 { pending.append(place + 1) }
      case .end: if position == end { pending.append(place + 1) }
      case .take, .match: continue
      }
    }
  }

  /// The instructions that threads stand at, before and behind a byte.
  private struct Threads {
    private(set) var old: [Int] = []
    private(set) var new: [Int] = []
    private var generation = 0
    private var seen: [Int]

    init(count: Int) { seen = Array(repeating: 0, count: count) }

    mutating func advance() {
      swap(&old, &new)
      new.removeAll(keepingCapacity: true)
      generation += 1
    }

    mutating func insert(_ place: Int) -> Bool {
      guard seen[place] != generation else { return false }
      seen[place] = generation
      new.append(place)
      return true
    }
  }
}
