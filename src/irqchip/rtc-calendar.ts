// The ten time registers of the mc146818 and the moment that they stand for: datasheet "Time, Calendar, and Alarm
// Locations", table 3.

/** Register numbers; the century is where the FADT says. */
export const TIME_REGISTER = {
  second: 0,
  minute: 2,
  hour: 4,
  weekday: 6,
  day: 7,
  month: 8,
  year: 9,
  century: 0x32,
} as const;
export const ALARM_REGISTERS = [
  [1, TIME_REGISTER.second],
  [3, TIME_REGISTER.minute],
  [5, TIME_REGISTER.hour],
] as const;

/** Register B: DM and 24/12. */
export const FORMAT = { binary: 4, hours24: 2 } as const;
const PM = 0x80;

const toBcd = (value: number): number => (Math.floor(value / 10) << 4) | (value % 10);
const fromBcd = (value: number): number => (value >>> 4) * 10 + (value & 15);

const encodeHour = (hour: number, format: number): number => {
  const encode = format & FORMAT.binary ? Number : toBcd;
  if (format & FORMAT.hours24) return encode(hour);
  return encode(hour % 12 || 12) | (hour >= 12 ? PM : 0);
};

const decodeHour = (value: number, format: number): number => {
  const decode = format & FORMAT.binary ? Number : fromBcd;
  if (format & FORMAT.hours24) return decode(value);
  return (decode(value & ~PM) % 12) + (value & PM ? 12 : 0);
};

/** The time registers at a number of seconds since 1970, by register number. The century is always BCD. */
export function encodeTime(seconds: number, format: number): ReadonlyMap<number, number> {
  const date = new Date(seconds * 1000);
  const encode = format & FORMAT.binary ? Number : toBcd;
  const year = date.getUTCFullYear();
  return new Map([
    [TIME_REGISTER.second, encode(date.getUTCSeconds())],
    [TIME_REGISTER.minute, encode(date.getUTCMinutes())],
    [TIME_REGISTER.hour, encodeHour(date.getUTCHours(), format)],
    [TIME_REGISTER.weekday, encode(date.getUTCDay() + 1)],
    [TIME_REGISTER.day, encode(date.getUTCDate())],
    [TIME_REGISTER.month, encode(date.getUTCMonth() + 1)],
    [TIME_REGISTER.year, encode(year % 100)],
    [TIME_REGISTER.century, toBcd(Math.floor(year / 100) % 100)],
  ]);
}

/** Seconds since 1970 of the given registers. Fields out of range carry over; the day of the week has no say. */
export function decodeTime(register: (number: number) => number, format: number): number {
  const decode = (number: number) => (format & FORMAT.binary ? register(number) : fromBcd(register(number)));
  const year = fromBcd(register(TIME_REGISTER.century)) * 100 + decode(TIME_REGISTER.year);
  // Through setUTCFullYear, for Date.UTC takes the years 0 to 99 as 1900 to 1999.
  const date = new Date(0);
  date.setUTCFullYear(year, decode(TIME_REGISTER.month) - 1, decode(TIME_REGISTER.day));
  const hour = decodeHour(register(TIME_REGISTER.hour), format);
  date.setUTCHours(hour, decode(TIME_REGISTER.minute), decode(TIME_REGISTER.second));
  return Math.floor(date.getTime() / 1000);
}
