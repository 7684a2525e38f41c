import Glibc
import SluiceCore
import SluiceTestSupport
import Testing

@testable import SluiceFormats

/// Whatever somebody puts in the place of a directory that is ours, or into it, leads nowhere else.
@Suite("A directory that is held")
struct OwnedDirectoryTests {
  private let scratch: ScratchDirectory

  init() throws { scratch = try ScratchDirectory() }

  private func content(_ path: String) -> [UInt8]? {
    try? InputFile.contents(of: path, byteLimit: 100)
  }

  @Test("is refused where a link or a file is in its place")
  func links() throws {
    try Directory.create(scratch("victim"))
    symlink("victim", scratch("link"))
    try AtomicFile.write([1], to: scratch("file"))
    for name in ["link", "file"] {
      #expect(throws: FormatError.self) { try OwnedDirectory(scratch(name), .runs) }
    }
    #expect(throws: Never.self) { try OwnedDirectory(scratch("link"), .users) }
  }

  @Test("stays what it was when something else gets its name")
  func replaced() throws {
    let path = scratch("work")
    let held = try OwnedDirectory(path, .runs)
    try AtomicFile.write([1], to: "\(path)/kept")
    try Directory.create(scratch("victim"))
    try AtomicFile.write([2], to: scratch("victim/kept"))
    rename(path, scratch("moved"))
    symlink("victim", path)
    try AtomicFile.write([3], to: "\(path)/new")
    #expect(content("\(path)/kept") == [1])
    try Directory.removeFile("\(path)/kept")
    let names = try Directory.list(path).map(\.name)
    #expect(names == ["new"])
    withExtendedLifetime(held) {}
    #expect(content(scratch("victim/kept")) == [2])
    #expect(try FileStatus.of(scratch("victim/new")) == nil)
    #expect(content(scratch("moved/new")) == [3])
  }

  @Test("is not left by links in it")
  func inner() throws {
    let path = scratch("work")
    let held = try OwnedDirectory(path, .runs)
    try Directory.create(scratch("victim/inner"))
    try AtomicFile.write([1], to: scratch("victim/inner/kept"))
    symlink("../victim", "\(path)/stores")
    #expect(throws: FormatError.self) { try Directory.create("\(path)/stores/0") }
    #expect(throws: FormatError.self) { try AtomicFile.write([2], to: "\(path)/stores/new") }
    #expect(throws: FormatError.self) { try Directory.removeFile("\(path)/stores/inner/kept") }
    try Directory.remove("\(path)/stores")
    #expect(try FileStatus.of("\(path)/stores", followingLinks: false) == nil)
    #expect(content(scratch("victim/inner/kept")) == [1])
    #expect(try Directory.list(scratch("victim")).map(\.name) == ["inner"])
    withExtendedLifetime(held) {}
  }

  @Test("lets go of its path at its end")
  func end() throws {
    let path = scratch("work")
    var held: OwnedDirectory? = try OwnedDirectory(path, .runs)
    #expect(held?.path == path)
    rename(path, scratch("moved"))
    held = nil
    try AtomicFile.write([1], to: scratch("work"))
    #expect(try FileStatus.of(path)?.kind == .regularFile)
  }

  @Test("scratch files have no name, and a name that was left is in nobody's way")
  func scratchFiles() throws {
    try AtomicFile.write([1], to: scratch("matrix"))
    let file = try ScratchFile.open(in: scratch.path, name: "matrix")
    defer { close(file) }
    #expect(pwrite(file, [7, 8] as [UInt8], 2, 0) == 2)
    #expect(try Directory.list(scratch.path).map(\.name).allSatisfy { $0 == "matrix" })
  }
}
