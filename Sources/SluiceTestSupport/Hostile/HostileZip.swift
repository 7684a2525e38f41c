/// PyTorch files whose archive breaks one rule, with what the error must say.
package enum HostileZip: String, CaseIterable, Sendable {
  case empty, text, emptyArchive, cut, behindEnd, comment, twoEnds, severalParts
  case directoryTooLong, directoryTooShort, directoryStartWrong, gapBehindDirectory, countTooHigh
  case countTooLow, countAbsurd, entrySignature, nameBeyondDirectory
  case encrypted, stronglyEncrypted, maskedDirectory, compressed, patched
  case storedSizeDiffers, sizeBeyondFile, offsetBeyondFile, offsetIntoData, offsetNearEnd, entryDisk
  case sameData, overlap, dataIntoDirectory
  case localSignature, localName, localNameLonger, localFlags, localMethod, localSize, localExtra
  case nameTwice, nameNotUTF8, nameWithNul, noPickle, twoPickles, deepPickle, outsideRoot, escape
  case wideMissing, wideTooShort, wideTwice, wideLeftOver, wideOddLength, wideHuge, extraCut
  case wideEndLies, wideEndElsewhere, wideEndSignature, wideEndLength, wideEndCountHuge
  case bigEndian, script, storageMissing, storageTooShort, storageTooLong

  /// The file.
  package var bytes: [UInt8] {
    var zip = PickleBytes.zip()
    switch self {
    case .empty: return []
    case .text: return Array("version https://git-lfs.github.com/spec/v1\n".utf8)
    case .emptyArchive: zip.entries = []
    case .cut: return Array(zip.bytes.dropLast())
    default: changeEnd(&zip)
    }
    changeDirectory(&zip)
    changeNames(&zip)
    changeWide(&zip)
    return zip.bytes
  }

  private func changeEnd(_ zip: inout ZipBytes) {
    switch self {
    case .behindEnd: zip.behindEnd = [0]
    case .comment: zip.comment = Array("hello".utf8)
    case .twoEnds: zip.comment = PickleBytes.zip().bytes.suffix(22)
    case .severalParts: zip.disk = 1
    case .directoryTooLong: zip.directoryByteCount = 1000
    case .directoryTooShort: zip.directoryByteCount = 46
    case .directoryStartWrong: zip.directoryStart = 3
    case .gapBehindDirectory: zip.behindDirectory = [0]
    case .countTooHigh: zip.count = 4
    case .countTooLow: zip.count = 2
    case .countAbsurd: zip.count = 65535
    default: break
    }
  }

  private func changeDirectory(_ zip: inout ZipBytes) {
    switch self {
    case .entrySignature: zip.entries[1].signature = 0x0403_4b50
    case .nameBeyondDirectory: zip.entries[2].nameByteCount = 60000
    case .encrypted: zip.entries[2].flags |= 1
    case .stronglyEncrypted: zip.entries[2].flags |= 0x40
    case .maskedDirectory: zip.entries[2].flags |= 0x2000
    case .compressed: zip.entries[2].method = 8
    case .patched: zip.entries[2].flags |= 0x20
    case .storedSizeDiffers: zip.entries[2].storedSize = 20
    case .sizeBeyondFile: (zip.entries[2].storedSize, zip.entries[2].size) = (1 << 30, 1 << 30)
    case .offsetBeyondFile: zip.entries[2].offset = 0xfff0_0000
    case .offsetIntoData: zip.entries[2].offset = 41
    case .offsetNearEnd: zip.entries[2].offset = UInt32(zip.bytes.count - 22 - 3 * 46 - 40)
    case .entryDisk: zip.entries[2].disk = 1
    case .sameData:
      zip.entries[2] = zip.entries[1]
      zip.entries[2].offset = zip.entries[1].offset ?? UInt32(30 + 10 + zip.entries[0].data.count)
    case .overlap:
      let size = UInt32(zip.entries[1].data.count + 10)
      (zip.entries[1].storedSize, zip.entries[1].size) = (size, size)
      zip.entries[1].localSize = size
    case .dataIntoDirectory:
      (zip.entries[2].storedSize, zip.entries[2].size, zip.entries[2].localSize) = (30, 30, 30)
    case .localSignature: zip.entries[2].localSignature = 0x0201_4b50
    case .localName: zip.entries[2].localName = Array("m/data/1".utf8)
    case .localNameLonger: zip.entries[2].localName = Array("m/data/00".utf8)
    case .localFlags: zip.entries[2].localFlags = 0
    case .localMethod: zip.entries[2].localMethod = 8
    case .localSize: zip.entries[2].localSize = 23
    case .localExtra: zip.entries[2].localExtraByteCount = 65535
    default: break
    }
  }

  private func changeNames(_ zip: inout ZipBytes) {
    switch self {
    case .nameTwice: zip.entries.append(zip.entries[2])
    case .nameNotUTF8: zip.entries[2].name += [0xc0, 0x80]
    case .nameWithNul: zip.entries[2].name += [0]
    case .noPickle: zip.entries[0].name = Array("m/data.txt".utf8)
    case .twoPickles: zip.entries.append(.init("n/data.pkl", zip.entries[0].data))
    case .deepPickle: zip.entries[0].name = Array("m/n/data.pkl".utf8)
    case .outsideRoot: zip.entries.append(.init("n/data/1", [1]))
    case .escape: zip.entries.append(.init("../../etc/cron.d/x", [1]))
    case .bigEndian: zip.entries[1].data = Array("big".utf8)
    case .script: zip.entries.append(.init("m/constants.pkl", [0x80, 2, 0x29, 0x2e]))
    case .storageMissing: zip.entries[2].name = Array("m/data/1".utf8)
    case .storageTooShort: zip.entries[2].data.removeLast()
    case .storageTooLong: zip.entries[2].data.append(7)
    default: break
    }
  }

  private func changeWide(_ zip: inout ZipBytes) {
    func field(_ numbers: [UInt64]) -> [UInt8] {
      TinyTensor.littleEndian([UInt16(1), UInt16(8 * numbers.count)])
        + TinyTensor.littleEndian(numbers)
    }
    switch self {
    case .wideMissing: zip.entries[2].size = .max
    case .wideTooShort:
      (zip.entries[2].size, zip.entries[2].storedSize) = (.max, .max)
      zip.entries[2].extra = field([24])
    case .wideTwice:
      (zip.entries[2].size, zip.entries[2].extra) = (.max, field([24]) + field([24]))
    case .wideLeftOver: zip.entries[2].extra = field([24])
    case .wideOddLength: zip.entries[2].extra = [1, 0, 3, 0, 1, 2, 3]
    case .wideHuge:
      (zip.entries[2].size, zip.entries[2].storedSize) = (.max, .max)
      zip.entries[2].extra = field([.max - 7, .max - 7])
    case .extraCut: zip.entries[2].extra = [9, 9, 40, 0, 1]
    case .wideEndLies: (zip.isWide, zip.wideCount) = (true, 2)
    case .wideEndElsewhere: (zip.isWide, zip.locatorPlace) = (true, 4)
    case .wideEndSignature: (zip.isWide, zip.wideSignature) = (true, 0)
    case .wideEndLength: (zip.isWide, zip.wideRecordByteCount) = (true, 1 << 40)
    case .wideEndCountHuge: (zip.isWide, zip.wideCount, zip.count) = (true, 1 << 60, .max)
    default: break
    }
  }

  /// What the message must contain.
  package var expectedMessage: String {
    switch self {
    case .empty: "an empty file"
    case .text: "a pointer of Git LFS"
    case .emptyArchive: "expected a PyTorch file, found something else"
    case .cut, .behindEnd, .comment: "no ZIP directory at the end of the file"
    case .severalParts: "a ZIP archive in several parts"
    case .directoryTooLong, .directoryTooShort, .directoryStartWrong, .gapBehindDirectory,
      .twoEnds:
      "the ZIP directory should be"
    case .countTooHigh: "4 entries in a ZIP directory of 167 bytes"
    case .countTooLow: "the ZIP directory goes on behind its last entry"
    case .countAbsurd: "65535 entries in a ZIP directory of"
    case .entrySignature: "the ZIP directory holds something that is no entry"
    case .nameBeyondDirectory: "the ZIP directory ends inside an entry"
    case .encrypted, .stronglyEncrypted, .maskedDirectory: "ZIP entry m/data/0: encrypted"
    case .compressed: "ZIP entry m/data/0: compressed (method 8)"
    case .patched: "unknown flags 0x820"
    case .storedSizeDiffers: "20 bytes stored of an entry of 24, though not compressed"
    case .sizeBeyondFile, .offsetBeyondFile, .wideHuge: "beyond the ZIP directory"
    case .offsetIntoData, .sameData, .overlap: "the entry overlaps the one before it"
    case .entryDisk: "in another part of the archive"
    case .dataIntoDirectory, .localExtra: "reach into the ZIP directory"
    case .localSignature: "no local header at byte"
    case .offsetNearEnd: "its local header lies beyond the ZIP directory"
    case .localName, .localNameLonger: "its local header has another name"
    case .localFlags, .localMethod: "its local header has other flags or another method"
    case .localSize: "its local header has another size"
    case .nameTwice: "the name occurs twice"
    case .nameNotUTF8: "the name is not UTF-8"
    case .nameWithNul: "a NUL character in the name"
    case .noPickle: "0 entries named data.pkl"
    case .twoPickles: "2 entries named data.pkl"
    case .deepPickle: "1 entries named data.pkl"
    case .outsideRoot, .escape: "not under m/ as all others"
    case .wideMissing, .wideTooShort, .wideLeftOver:
      "its ZIP64 field does not hold the sizes that it should"
    case .wideTwice: "two ZIP64 fields"
    case .wideOddLength: "a ZIP64 field of 3 bytes"
    case .extraCut: "its extra fields are cut short"
    case .wideEndLies: "the two ends of the ZIP directory contradict each other"
    case .wideEndElsewhere: "the ZIP64 end is not where its locator says"
    case .wideEndSignature, .wideEndLength: "a ZIP64 end that is none"
    case .wideEndCountHuge: "1152921504606846976 entries in a ZIP directory of"
    case .bigEndian: "the numbers have byte order \"big\", expected \"little\""
    case .script: "a TorchScript program, not a checkpoint"
    case .storageMissing: "there is no storage 0 in the archive"
    case .storageTooShort: "storage 0 has 23 bytes, expected 24"
    case .storageTooLong: "storage 0 has 25 bytes, expected 24"
    }
  }
}

extension HostileZip {
  /// The file that all others are made from, unchanged.
  package static var soundBytes: [UInt8] { PickleBytes.zip().bytes }

  /// The same with a ZIP64 end, and 64-bit numbers for one entry.
  package static var soundWideBytes: [UInt8] {
    var zip = PickleBytes.zip()
    (zip.isWide, zip.count, zip.directoryStart) = (true, .max, .max)
    (zip.entries[2].size, zip.entries[2].storedSize) = (.max, .max)
    zip.entries[2].extra =
      [9, 0, 1, 0, 5] + TinyTensor.littleEndian([UInt16(1), UInt16(16)])
      + TinyTensor.littleEndian([UInt64(24), UInt64(24)])
    return zip.bytes
  }
}
