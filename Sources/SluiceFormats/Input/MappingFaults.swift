internal import CSluiceSystem
internal import SluiceCore

/// What happens when a mapped input cannot be read: it was cut short by somebody, or its disk failed.
public enum MappingFaults {
  /// From now on such a fault ends the process with a message that names the file, and the exit code
  /// for faults of the disk, instead of a signal.
  ///
  /// Nothing has to be flushed at that moment: what a journal holds is on the disk already.
  public static func report() {
    _ = sluice_report_mapping_faults(ExitCode.inputOutput.rawValue)
  }
}
