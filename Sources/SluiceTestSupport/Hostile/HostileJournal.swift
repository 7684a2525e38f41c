package import SluiceFormats

/// Journals whose hashes are right and whose records say what no run writes.
package enum HostileJournal: String, CaseIterable, Sendable {
  case hugeOrdinal, hugeWork, hugeCosts, negativeTime, notANumber, emptyUndone, foreignUndone
  case emptySlots, slotsBeyondAnyFile, otherStrips, manyKinds, unnamedKind, cutPayload

  /// The bytes, for a run with a manifest of this identity.
  package func bytes(manifest: Hash128) -> [UInt8] {
    var journal = Array("sluicejl".utf8) + HostileJournal.number(1, bytes: 4) + [0, 0, 0, 0]
    journal += manifest.bytes
    for payload in payloads {
      let hash = Hash128(of: payload, seed: UInt64(journal.count)).bytes
      journal += HostileJournal.number(UInt64(payload.count), bytes: 4) + hash + payload
    }
    return journal
  }

  private var payloads: [[UInt8]] {
    let attempt = HostileJournal.payload("attempt", 0, body: HostileJournal.costs(1))
    let largest = UInt64(Int.max)
    let slot = HostileJournal.number(0, bytes: 8) + HostileJournal.number(8, bytes: 8)
    let beyond = HostileJournal.number(largest - 4, bytes: 8) + HostileJournal.number(4, bytes: 8)
    let hash = [UInt8](repeating: 7, count: 16)
    return switch self {
    case .hugeOrdinal:
      [attempt, HostileJournal.payload("attempt", largest, body: HostileJournal.costs(1))]
    case .hugeWork:
      [attempt]
        + (0..<4).map { HostileJournal.payload("merge", $0, work: largest, body: hash) }
    case .hugeCosts:
      (0..<4).map {
        HostileJournal.payload("attempt", $0, body: HostileJournal.costs(1, bytes: largest))
      }
    case .negativeTime:
      [HostileJournal.payload("attempt", 0, body: HostileJournal.costs(-.greatestFiniteMagnitude))]
    case .notANumber: [HostileJournal.payload("attempt", 0, body: HostileJournal.costs(.nan))]
    case .emptyUndone: [attempt, HostileJournal.payload("undone", 0)]
    case .foreignUndone:
      [attempt, HostileJournal.payload("undone", 0, body: [UInt8](repeating: 0xC3, count: 300))]
    case .emptySlots: [attempt, HostileJournal.payload("survey", 0)]
    case .slotsBeyondAnyFile:
      [attempt, HostileJournal.payload("survey", 0, body: beyond + hash + beyond + hash)]
    case .otherStrips:
      [
        attempt, HostileJournal.payload("survey", 1 << 40, body: slot + hash + slot + hash),
        HostileJournal.payload("merge", 1 << 40, body: hash),
        HostileJournal.payload("statistics", 1 << 40, body: hash),
      ]
    case .manyKinds:
      [attempt] + (0..<500).map { HostileJournal.payload("kind \($0)", 0, work: 1 << 52) }
    case .unnamedKind: [attempt, HostileJournal.payload("", 0)]
    case .cutPayload: [attempt, [200, 1, 2]]
    }
  }

  private static func payload(
    _ kind: String, _ ordinal: UInt64, work: UInt64 = 0, body: [UInt8] = []
  ) -> [UInt8] {
    [UInt8(kind.utf8.count)] + kind.utf8 + number(ordinal, bytes: 8) + number(work, bytes: 8)
      + body
  }

  private static func costs(_ seconds: Double, bytes: UInt64 = 10) -> [UInt8] {
    number(seconds.bitPattern, bytes: 8) + number(bytes, bytes: 8) + number(bytes, bytes: 8)
  }

  private static func number(_ value: UInt64, bytes: Int) -> [UInt8] {
    (0..<bytes).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
  }
}
