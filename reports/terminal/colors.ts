import type pc from 'picocolors'

/** The functions that colour text, or leave it as it is. */
export type Colors = ReturnType<typeof pc.createColors>
